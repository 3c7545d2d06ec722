"""Email addresses, as records are matched by them."""

from functools import lru_cache

from email_validator import EmailNotValidError, validate_email


@lru_cache(maxsize=8192)
def match_email(raw: str) -> str:
    """The address records are matched by: lower case, '' when it is none."""
    try:
        return validate_email(raw.strip(), check_deliverability=False).normalized.lower()
    except EmailNotValidError:
        return ""
