"""Is there a counterpart already? Pure: the same clues always give the same answer."""

from collections.abc import Sequence
from dataclasses import dataclass

from connectors.base import Record


@dataclass(frozen=True, slots=True)
class Clues:
    """What is known beside the record itself.

    `candidates`: target records with the same email or with a cross reference to the source, none of them taken.
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


def match(source: Record, clues: Clues, reference: str) -> Match:
    """`reference` is the name of the cross reference to the source, such as 'jobber_client_id'."""
    referring = [c for c in clues.candidates if c.references.get(reference) == source.id]
    if len(referring) == 1:
        return Match(referring[0], how="It already carries this record's id")
    if referring:
        return Match(doubt=f"{len(referring)} records there carry this record's id")
    alike = [c for c in clues.candidates if c.email and c.email == source.email]
    strangers = [c for c in alike if not c.references.get(reference)]
    if clues.twins:
        return _among_twins(source, strangers, clues.twins)
    if len(alike) > 1:
        return Match(doubt=f"{len(alike)} records there have the email {source.email}")
    if alike and not strangers:
        return Match(doubt=f"The record there with the email {source.email} carries the id of another one here")
    return Match(alike[0], how=f"Same email, {source.email}") if alike else Match()


def _among_twins(source: Record, strangers: Sequence[Record], twins: Sequence[str]) -> Match:
    """Records that carry another's id are taken for the twins' own; whose a stranger is, only a person can say."""
    if not strangers:
        return Match()
    shared = ", ".join(twins[:3]) + (f" and {len(twins) - 3} more" if len(twins) > 3 else "")
    return Match(doubt=f"{source.email} is also the email of {shared}; someone who knows them must say who is who")
