"""What records are found by: one column of words for each, and how it is asked for what somebody reads out.

The column holds the name, email, phone, number and ids of a record without accents, case and punctuation, so that one
index answers for all of them. PostgreSQL keeps an index of its words, each business apart: a search looks at the rows
it shows, however many there are. SQLite has none and reads the column of the business from end to end.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from django.db import connection
from django.db.models import BooleanField, Q
from django.db.models.expressions import RawSQL

from connectors.likeness import phone_key
from syncs.models import Snapshot

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from connectors.base import Record

#: Of a record's column, and of what is asked for.
LONGEST, MOST_WORDS = 600, 8
#: Letters that no accent can be taken from.
_PLAIN = str.maketrans({"đ": "d", "ø": "o", "ł": "l", "ß": "ss", "æ": "ae", "œ": "oe", "’": "'", "`": "'"})
_WORD = re.compile(r"[^\W_]+")
_PHONE = re.compile(r"[+\d][\d\s().+-]*")
#: What people say before a name or a number, and no record holds.
_SAID = frozenset({"mr", "mrs", "ms", "miss", "mx", "dr", "no", "number", "client", "customer", "for", "the", "of"})
#: How the index of PostgreSQL is made; it answers for just this expression (migration 0019).
INDEXED = "to_tsvector('simple'::regconfig, 'business' || syncs_snapshot.business_id::text || syncs_snapshot.words)"


def words_of(record: "Record") -> str:
    """' linh nguyen linh example com 12345678 cus 1042 ': each word with a space on both sides."""
    apart = [record.label, record.email, record.id, _last_part(record.url)]
    found = [*_words(" ".join(apart)), *_words(record.label.replace("'", "").replace("’", "")), record.phone]
    return _joined(word for word in found if word)


def _joined(words: Iterable[str]) -> str:
    kept, length = [], 1
    for word in dict.fromkeys(words):
        length += len(word) + 1
        if length > LONGEST:
            break
        kept.append(word)
    return f" {' '.join(kept)} " if kept else ""


def _words(text: str) -> list[str]:
    return _WORD.findall(_folded(text))


def _folded(text: str) -> str:
    if text.isascii():
        return text.casefold()
    apart = unicodedata.normalize("NFKD", text.casefold().translate(_PLAIN))
    return "".join(letter for letter in apart if not unicodedata.combining(letter))


def _last_part(url: str) -> str:
    """'1042' of 'https://secure.getjobber.com/clients/1042?tab=notes'."""
    try:
        return urlsplit(url).path.rstrip("/").rpartition("/")[2]
    except ValueError:
        return ""


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody looks for: every one of `words`, as the beginning of a word, or the whole `phone`."""

    words: Sequence[str]
    phone: str = ""

    def __bool__(self) -> bool:
        """Whether it is enough to look for: one letter finds half of everything."""
        return any(len(word) > 1 or word.isdigit() for word in self.words)


def asked_for(text: str) -> Asked:
    """'Mrs Nguyen', 'invoice 1042', '0412 345 678', 'https://dashboard.stripe.com/customers/cus_1'."""
    text = text.strip()
    plain = _last_part(text) or text if "://" in text else text
    words = _words(plain)
    kept = [word for word in words if word not in _SAID] or words
    return Asked(kept[:MOST_WORDS], phone_key(text) if _PHONE.fullmatch(text) else "")


def matching(asked: Asked, businesses: Sequence[int] | None) -> "QuerySet[Snapshot]":
    """Records of these businesses, of all in scope where None. In no order: sorting would have the database read them
    all before it shows the first."""
    rows = Snapshot.objects.all() if businesses is None else Snapshot.objects.filter(business__in=businesses)
    if connection.vendor == "postgresql":
        text = f"{INDEXED} @@ to_tsquery('simple'::regconfig, %s)"
        found = RawSQL(text, [_query(asked, businesses)], output_field=BooleanField())  # noqa: S611  # nosec B611
        return rows.filter(found)
    every = Q(words__contains=f" {asked.phone} ") if asked.phone else Q(pk__in=[])
    named = Q()
    for word in asked.words:
        named &= Q(words__contains=f" {word}{_end(word)}")
    return rows.filter(every | named)


def _end(word: str) -> str:
    """A number is meant whole: 1042 is not 10425."""
    return " " if word.isdigit() else ""


def _query(asked: Asked, businesses: Sequence[int] | None) -> str:
    """'business7 & ((linh:* & nguyen:*) | 12345678)'. Words are letters and digits alone. For one business the index
    looks at its own rows; for several, going through the rows of each costs more than it spares (measured)."""
    named = " & ".join(word if word.isdigit() else f"{word}:*" for word in asked.words)
    said = f"(({named}) | {asked.phone})" if asked.phone else f"({named})"
    return f"business{int(businesses[0])} & {said}" if businesses and len(businesses) == 1 else said
