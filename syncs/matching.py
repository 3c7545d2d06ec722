"""Is there a counterpart already? Pure: the same clues always give the same answer."""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from connectors.base import Record


@dataclass(frozen=True, slots=True)
class Clues:
    """What is known beside the record itself.

    `candidates`: target records with the same email, phone, or name and postcode, or with a cross reference to the
    source, none of them taken.
    `twins`: other source records with the same email, labels only.
    """

    candidates: Sequence[Record] = ()
    twins: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Match:
    """`target` is the counterpart; `doubt` says in words why a person must choose; both empty: there is none."""

    target: Record | None = None
    how: str = ""
    doubt: str = ""


#: From this likeness on, of 1, two names count as similar.
SIMILAR = 0.75
#: From this score on two records without a common email may be the same, and nobody but a person can say.
WORTH_ASKING = 45


@dataclass(frozen=True, slots=True)
class Likeness:
    """`score` of 100; `reasons` in words, strongest first: 'same email', 'same phone', 'similar name'."""

    score: int
    reasons: tuple[str, ...]


def likeness(one: Record, other: Record) -> Likeness:
    """How much speaks for both being one. A phone alone may be a household's, a name alone anybody's."""
    found = []
    if one.email and one.email == other.email:
        found.append((60, "same email"))
    if one.phone and one.phone == other.phone:
        found.append((40, "same phone"))
    if one.namesake and one.namesake == other.namesake:
        found.append((45, "same name and postcode"))
    else:
        found += _names(one.label, other.label)
    found.sort(reverse=True)
    return Likeness(min(100, sum(points for points, _ in found)), tuple(words for _, words in found))


def _names(one: str, other: str) -> list[tuple[int, str]]:
    mine, theirs = (" ".join(label[:100].casefold().split()) for label in (one, other))
    if not mine or not theirs:
        return []
    if mine == theirs:
        return [(25, "same name")]
    return [(15, "similar name")] if SequenceMatcher(None, mine, theirs).ratio() >= SIMILAR else []


def match(source: Record, clues: Clues, reference: str) -> Match:
    """`reference` is the name of the cross reference to the source, such as 'jobber_client_id'."""
    referring = [c for c in clues.candidates if c.references.get(reference) == source.id]
    if len(referring) == 1:
        return Match(referring[0], how="It already carries this record's id")
    if referring:
        return Match(doubt=f"{len(referring)} records there carry this record's id")
    alike = [c for c in clues.candidates if c.email and c.email == source.email]
    strangers = [c for c in alike if not c.references.get(reference)]
    if clues.twins and strangers:
        return _among_twins(source, clues.twins)
    if alike and not clues.twins:
        return _by_email(source, alike, strangers)
    others = [c for c in clues.candidates if not c.references.get(reference)]
    return _lookalike(source, others)


def _by_email(source: Record, alike: Sequence[Record], strangers: Sequence[Record]) -> Match:
    if len(alike) > 1:
        return Match(doubt=f"{len(alike)} records there have the email {source.email}")
    if not strangers:
        return Match(doubt=f"The record there with the email {source.email} carries the id of another one here")
    return Match(alike[0], how=f"Same email, {source.email}")


def _lookalike(source: Record, others: Sequence[Record]) -> Match:
    """Never taken for the same by itself: a name and a number tell no more than that somebody should look."""
    found = [(likeness(source, c), c) for c in others]
    like, best = min(found, key=lambda pair: (-pair[0].score, pair[1].id), default=(Likeness(0, ()), source))
    if like.score < WORTH_ASKING:
        return Match()
    return Match(doubt=f"{best.label[:80]} is there already: {' and '.join(like.reasons)}")


def _among_twins(source: Record, twins: Sequence[str]) -> Match:
    """Records that carry another's id are taken for the twins' own; whose a stranger is, only a person can say."""
    shared = ", ".join(twins[:3]) + (f" and {len(twins) - 3} more" if len(twins) > 3 else "")
    return Match(doubt=f"{source.email} is also the email of {shared}; someone who knows them must say who is who")
