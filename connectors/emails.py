"""Email addresses: whether one is valid, and how records are matched by them."""

from functools import lru_cache

from email_validator import EmailNotValidError, validate_email


def match_email(raw: str) -> str:
    """The address records are matched by: lower case, '' when it is none."""
    return valid_email(raw.strip()).lower()


@lru_cache(maxsize=8192)
def valid_email(raw: str) -> str:
    """The address with its domain in lower case, '' when it is none."""
    try:
        return validate_email(raw, check_deliverability=False).normalized
    except EmailNotValidError:
        return ""
