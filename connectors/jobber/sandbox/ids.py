"""Jobber's ids: base64 of gid://Jobber/<Type>/<number>."""

import base64
import binascii
from functools import lru_cache


@lru_cache(maxsize=65536)
def encoded(kind: str, number: int) -> str:
    return base64.b64encode(f"gid://Jobber/{kind}/{number}".encode()).decode()


def is_encoded(text: object) -> bool:
    """Short forms as in Jobber's own examples ("MQ==") count too."""
    try:
        return isinstance(text, str) and bool(text) and bool(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError):
        return False


def number(text: str) -> int:
    """The number in an id. ValueError when it is not of our making."""
    return int(base64.b64decode(text).decode().rpartition("/")[2])
