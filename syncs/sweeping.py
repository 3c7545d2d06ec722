"""Finding a person's name, address and number wherever a sentence or a plan has them, and striking them out.

Rows of the person's own are blanked as a whole (syncs.erasing). This is for the rest: a title that names them, another
record that was taken for theirs, an example typed into a mapping.
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.db.models import JSONField, Model, Q, QuerySet, TextField
from django.db.models.functions import Cast

from syncs.models import Snapshot, SnapshotHistory

STRUCK = "(erased)"
#: Shorter ones are words that others have too.
SHORTEST = 5
#: Paths of a record's data that say who somebody is.
_TELLING = re.compile(r"(^|[._])(name|email|emails|phone|phones|mobile|company_name)$")
#: Where sentences and plans are kept, by model: in these columns a name can stand that is not the row's own.
PLACES: dict[str, tuple[str, ...]] = {
    "syncs.Link": ("cause", "decision"), "syncs.Attempt": ("plan", "error"),
    "syncs.Write": ("error", "answer"),
    "syncs.Incident": ("title", "next_step", "note"),
    "syncs.Event": ("body",), "syncs.Run": ("cause",), "syncs.Approval": ("plan", "reason", "edits"),
    "syncs.Mismatch": ("label", "words", "fields", "why"), "syncs.WhatIf": ("content", "fields", "cause"),
    "syncs.WhatIfRecord": ("label", "live_reason", "draft_reason", "live", "draft"),
    "syncs.FieldMapping": ("examples", "transforms"), "syncs.Rule": ("reason", "condition", "expression", "value"),
    "syncs.Version": ("content", "note"), "syncs.Lane": ("parked",),
    "portal.Alert": ("title", "items"), "portal.Delivery": ("items", "answer"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Names:
    """What one person is told by, the longest first."""

    all: tuple[str, ...]

    @property
    def spelt(self) -> tuple[str, ...]:
        """As they are, and as JSON writes them in either way."""
        ways = {w for n in self.all for w in (n, json.dumps(n)[1:-1], json.dumps(n, ensure_ascii=False)[1:-1])}
        return tuple(sorted(ways, key=lambda name: (-len(name), name)))

    def struck(self, value: Any) -> Any:
        """The same without them, as deep as it goes."""
        if isinstance(value, str):
            for name in self.spelt:
                value = re.sub(re.escape(name), STRUCK, value, flags=re.IGNORECASE)
            return value
        if isinstance(value, list):
            return [self.struck(item) for item in value]
        return {key: self.struck(item) for key, item in value.items()} if isinstance(value, dict) else value


def names(records: QuerySet[Any], history: QuerySet[Any]) -> Names:
    """Of clients and customers only: an invoice's description is a job, not a person."""
    found: set[str] = set()
    people: QuerySet[Snapshot] = records.filter(resource__in=("clients", "customers"))
    past: QuerySet[SnapshotHistory] = history.filter(snapshot__resource__in=("clients", "customers"))
    for row in people:
        found |= {row.label, row.email}
    for data in [*people.values_list("data", flat=True), *past.values_list("data", flat=True)]:
        found |= set(_telling(data))
        found.add(f"{data.get('first_name') or ''} {data.get('last_name') or ''}".strip())
    kept = {name.strip() for name in found if len(name.strip()) >= SHORTEST}
    return Names(tuple(sorted(kept, key=lambda name: (-len(name), name))))


def _telling(data: dict[str, Any]) -> Iterator[str]:
    for path, value in data.items():
        if _TELLING.search(path):
            yield from _strings(value)


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _strings(item)


def sweep(business_id: int, said: Names) -> int:
    """Strikes them out in every row of the business. Returns in how many."""
    changed = 0
    for place, columns in PLACES.items():
        model = apps.get_model(place)
        for row in having(model._base_manager.filter(business_id=business_id), columns, said):
            values = {name: said.struck(getattr(row, name)) for name in columns}
            changed += model._base_manager.filter(pk=row.pk).update(**values)
    return changed


def having(rows: QuerySet[Any], columns: Iterable[str], said: Names) -> list[Any]:
    """Those in which one of these names stands: as it is, or as JSON writes it."""
    model: type[Model] = rows.model
    asked, texts = Q(pk__in=[]), {}
    for column in columns:
        plain = column
        if isinstance(model._meta.get_field(column), JSONField):
            plain = f"{column}_text"
            texts[plain] = Cast(column, TextField())
        for way in said.spelt:
            asked |= Q(**{f"{plain}__icontains": way})
    return list(rows.annotate(**texts).filter(asked))
