"""What a record may be known by beside its email. Keys to find others by, never to be sent or shown."""

import re

#: So many digits of a number are the same however it was typed: 0412 345 678, +61 412 345 678.
DIGITS = 8
_NOT_DIGIT = re.compile(r"\D+")


def phone_key(raw: object) -> str:
    """The end of the number; '' for what is too short to tell anybody apart, or one digit all over."""
    digits = _NOT_DIGIT.sub("", str(raw or "")[:100])[-DIGITS:]
    return digits if len(digits) == DIGITS and len(set(digits)) > 1 else ""


def namesake_key(name: object, postcode: object) -> str:
    """Name and postcode as one; '' unless there are both."""
    parts = [" ".join(str(part or "")[:200].casefold().split()) for part in (name, postcode)]
    return " · ".join(parts) if all(parts) else ""
