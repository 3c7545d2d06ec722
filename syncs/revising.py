"""The draft as a whole: as somebody opened it, replaced by another, and an older version made live again."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.core import signing
from django.db import models, transaction
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from syncs import audit, choosing, recipes
from syncs.mapping import MappingError
from syncs.models import AuditEntry, FieldMapping, Rule, Sync, Version
from syncs.rules.values import shown

if TYPE_CHECKING:
    from portal.models import User

_SALT = "syncs.draft"
#: What a column is called in a version.
_CALLED = {"target_path": "target", "back_path": "back", "route_to": "to"}


@dataclass(frozen=True)
class Opened:
    """The draft as a page has shown it, and when. `mappings` and `rules`: the ids of its rows."""

    content: dict[str, Any]
    mappings: Sequence[int] = ()
    rules: Sequence[int] = ()
    at: datetime = field(default_factory=timezone.now)

    def sealed(self) -> str:
        """To travel in a form. It comes back as it was, or not at all."""
        told = {"content": self.content, "ids": [list(self.mappings), list(self.rules)], "at": self.at.isoformat()}
        return signing.dumps(told, salt=_SALT, compress=True)

    def is_of(self, sync: Sync) -> bool:
        """Whether the draft is still the same."""
        return self.content == choosing.draft_content(sync)


def opened(sync: Sync) -> Opened:
    return Opened(
        choosing.draft_content(sync), [m.pk for m in sync.mappings.all()], [r.pk for r in sync.rules.all()]
    )  # fmt: skip


def digest(content: Mapping[str, Any]) -> str:
    """The same for the same draft, for a form that must know which one it has shown."""
    told = json.dumps(content, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(told.encode()).hexdigest()


def unsealed(text: str) -> Opened | None:
    """None for what no page of ours has sent."""
    try:
        told = signing.loads(text, salt=_SALT)
    except signing.BadSignature:
        return None
    mappings, rules = told["ids"]
    return Opened(told["content"], mappings, rules, parse_datetime(told["at"]) or timezone.now())


def changed_since(sync: Sync, moment: datetime) -> list[AuditEntry]:
    """Who has saved, published or replaced the draft since then, the latest first."""
    acts = models.Q(action__startswith="draft.") | models.Q(action__startswith="version.")
    entries = AuditEntry.objects.filter(acts, subject=audit.subject_of(sync), at__gt=moment)
    return list(entries.order_by("-pk")[:5])


def put(sync: Sync, content: Mapping[str, Any], mappings: Sequence[int] = (), rules: Sequence[int] = ()) -> None:
    """The draft becomes this, with these ids for its rows where there are any. What is live stays."""
    with transaction.atomic():
        sync.mappings.all().delete()
        sync.rules.all().delete()
        FieldMapping.objects.bulk_create(
            FieldMapping(**_columns(FieldMapping, sync, row, n, mappings)) for n, row in enumerate(content["mappings"])
        )  # fmt: skip
        Rule.objects.bulk_create(rules_of(sync, content, rules))
        recipe = recipes.RECIPES.get(sync.recipe)
        sync.options = {**(recipe.options if recipe else {}), **content.get("options", {})}
        sync.save(update_fields=["options"])


def rules_of(sync: Sync, content: Mapping[str, Any], ids: Sequence[int] = ()) -> list[Rule]:
    """The rules as rows of the draft that nobody has saved yet."""
    given = content.get("rules") or ()
    return [Rule(**_columns(Rule, sync, _as_stored(rule), n, ids)) for n, rule in enumerate(given)]


def _columns(
    model: type[models.Model], sync: Sync, row: Mapping[str, Any], number: int, ids: Sequence[int]
) -> dict[str, Any]:  # fmt: skip
    names = {_CALLED.get(f.name, f.name): f.name for f in model._meta.concrete_fields}
    given = {names[key]: value for key, value in row.items() if key in names and value is not None}
    place = {"pk": ids[number]} if number < len(ids) else {}
    return {**given, **place, "sync": sync, "business_id": sync.business_id, "position": 10 * (number + 1)}


def _as_stored(rule: Mapping[str, Any]) -> dict[str, Any]:
    """A rule of a version as a row of the draft: an expression in its own column, a value as a person types it."""
    condition = rule.get("condition") or {}
    written = {"condition": {}, "expression": condition["cel"]} if "cel" in condition else {"condition": condition}
    value = {"value": shown(rule["value"])} if "value" in rule else {}
    return {**rule, **written, **value}


def replace(sync: Sync, content: Mapping[str, Any], by: "User | None", action: str, words: str) -> None:
    """The draft becomes this, and the audit trail says so."""
    with transaction.atomic():
        put(sync, content)
        audit.record(sync.business_id, by, action, sync, words)


def roll_back(sync: Sync, version: Version, by: "User | None") -> Version:
    """What an older version says becomes the draft and is published. MappingError where it can no longer work; then
    nothing changes."""
    before = sync.version.number if sync.version else 0
    with transaction.atomic():
        put(sync, version.content)
        note = f"Back to version {version.number}" + (f": {version.note}" if version.note else "")
        try:
            made = choosing.publish(sync, by, note)
        except MappingError as error:
            raise MappingError(f"Version {version.number} can no longer work. {error}") from None
        words = f"Rolled “{sync}” back from version {before} to version {version.number}, as version {made.number}"
        audit.record(sync.business_id, by, "version.rolled_back", sync, words, version=made.number)
    return made
