"""What a service said to a call that writes, word for word, fit to be kept and shown.

Whatever speaks HTTP notes its answers here; who makes a call listens. Secrets, tokens and card data go before it is
kept, and what is long is cut.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

#: Characters that are kept of an answer.
MOST = 2000
_PAIR = re.compile(r'"(\w+)"\s*:\s*(?:"(?:[^"\\]|\\.)*"?|[\d.]+)')
#: In lower case, of names whose values are not kept.
_SECRET = (
    "secret", "token", "password", "apikey", "api_key", "authorization", "cvc", "cvv", "last4", "exp_month", "exp_year",
    "fingerprint", "iban", "account_number", "routing_number",
)  # fmt: skip
_KEY = re.compile(r"\b([rsp]k_(?:live|test)_|whsec_)\w+")
#: What stands before is looked at after the first digit: few places have one.
_CARD_NUMBER = re.compile(r"\d(?<![\w.+-]\d)(?:[ -]?\d){12,18}(?![\w.-])", re.ASCII)
_LONG = re.compile(r"(?<![\w+/=.~-])[\w+/=.~-]{24,}", re.ASCII)
#: Long, and no credential: names of fields, ids of records at Stripe, ids at Jobber ("gid://…" in base64).
_HARMLESS = re.compile(
    r"[a-z]+(?:_[a-z]+)+|[a-z]+(?:[A-Z][a-z]+)+"
    r"|(?:acct|ch|cn|cus|dp|du|evt|ii|il|in|pi|po|price|prod|py|re|req|txn)_[A-Za-z0-9]{1,40}|Z2lkOi8v[\w+/=]{1,80}"
)
#: The end of what was cut may be a part of a credential.
_BROKEN_OFF = re.compile(r"[\w+/=.~-]*\Z")


@dataclass(slots=True)
class Heard:
    """The answer to the last call that writes; where none was made, to the one that was refused."""

    status: int = 0
    body: bytes = b""

    @property
    def said(self) -> str:
        """Status and body as text, '' when nothing came back."""
        return f"HTTP {self.status}\n{kept(self.body)}" if self.status else ""


_listening: ContextVar[Heard | None] = ContextVar("listening", default=None)


@contextmanager
def hearing() -> Iterator[Heard]:
    """Hears what is answered to this thread."""
    heard = Heard()
    before = _listening.set(heard)
    try:
        yield heard
    finally:
        _listening.reset(before)


def note(status: int, body: bytes, *, writes: bool) -> None:
    heard = _listening.get()
    if heard is not None and (writes or status >= 400):
        heard.status, heard.body = status, body


def kept(body: bytes) -> str:
    """Its beginning as text, without line breaks, and without what opens an account or pays."""
    lines = body[: 4 * MOST].decode(errors="replace").replace("\0", "").splitlines()
    text = " ".join(line.strip() for line in lines)
    cut = len(text) > MOST or len(body) > 4 * MOST
    if cut:
        text = _BROKEN_OFF.sub("", text[:MOST])
    if _is_secret(text):
        text = _PAIR.sub(_without_secret, text)
    if "k_" in text or "whsec_" in text:
        text = _KEY.sub(r"\1…", text)
    text = _CARD_NUMBER.sub("…", _LONG.sub(_without_credential, text))
    return f"{text} … (cut here: it came with {len(body):,} bytes)" if cut else text


def _without_secret(pair: re.Match[str]) -> str:
    return f'"{pair[1]}": "…"' if _is_secret(pair[1]) else pair[0]


def _is_secret(text: str) -> bool:
    low = text.lower()
    return any(word in low for word in _SECRET)


def _without_credential(long: re.Match[str]) -> str:
    return long[0] if _HARMLESS.fullmatch(long[0]) else "…"
