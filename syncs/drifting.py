"""Drift: fields that an account has made up itself, that the live mapping reads, and that no record shows any more.

A whole reading crosses off each field as a page shows it. What is left over at its end was deleted or renamed there:
until a row says otherwise, what was written from it is emptied.
"""

from collections.abc import Iterable

from connectors.base import Record
from syncs.catalogues import OWN
from syncs.mapping import WILDCARD
from syncs.models import Run, Sync

#: Where a run keeps what no page has shown yet, and what none has shown in the end.
_LEFT, _GONE = "fields_left", "fields_gone"


def named(sync: Sync) -> set[str]:
    """The account's own fields that rows of the live version name one by one."""
    rows = sync.version.content.get("mappings", ()) if sync.version else ()
    paths = {path for row in rows for path in row.get("sources", ())}
    return {path for path in paths if path.startswith(OWN) and not path.endswith(WILDCARD)}


def cross_off(run: Run, sync: Sync, records: Iterable[Record]) -> None:
    """What one page of the source shows. Of no use where only changes are read."""
    if run.since is None:
        left = set(run.counts.get(_LEFT, named(sync)))
        run.counts = {**run.counts, _LEFT: sorted(left.difference(*(record.data for record in records)))}


def conclude(run: Run) -> None:
    """After the last page. A source without any record shows nothing about its fields."""
    if _LEFT in run.counts:
        left = run.counts[_LEFT] if run.counts.get("seen") else []
        run.counts = {**{k: v for k, v in run.counts.items() if k != _LEFT}, _GONE: left}


def gone(sync: Sync) -> list[str]:
    """Paths, as the last whole reading found it, of those that the live version still names."""
    whole = Run.objects.filter(sync=sync, since=None, counts__has_key=_GONE).order_by("-id").first()
    return sorted(named(sync).intersection(whole.counts[_GONE])) if whole else []
