"""The rules of a sync's draft as its version will hold them, and the fields that they may speak of."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from connectors import registry
from connectors.base import Field, FieldType
from syncs import recipes
from syncs.models import Outcome, Rule, Sync
from syncs.rules import RuleError
from syncs.rules.book import Rule as Compiled
from syncs.rules.book import check_condition, compile_rule, paths_of
from syncs.rules.settable import taken
from syncs.rules.values import LINK_FIELDS, Kind, kind_of

_NOT_SETTABLE = {FieldType.LIST, FieldType.DATETIME, FieldType.MONEY}


@dataclass(frozen=True)
class Fields:
    """`asked`: what a rule can ask about, {path: kind}; `labels`: what each is called; `settable`: what it can set."""

    asked: Mapping[str, Kind]
    labels: Mapping[str, str]
    settable: Mapping[str, Field]
    own: frozenset[str]

    def target(self, path: str) -> Field | None:
        """The field to set; None for what is not a rule's to set."""
        if path in self.own:
            return None
        head = path.partition(".")[0]
        return self.settable.get(path) or (self.settable.get(f"{head}.*") if len(path) > len(head) + 1 else None)


def fields_of(sync: Sync) -> Fields:
    here = registry.get(sync.source.connector).catalogue(sync.source_resource)
    there = registry.get(sync.target.connector).catalogue(sync.target_resource)
    asked = {f.path: kind_of(f.type) for f in here} | dict.fromkeys(LINK_FIELDS, Kind.YES_NO)
    asked.setdefault("custom.*", Kind.TEXT)
    own = _own(sync)
    settable = {f.path: f for f in there if own is not None and _can_be_set(f) and f.path not in own}
    return Fields(asked, {f.path: f.label for f in here} | LINK_FIELDS, settable, own or frozenset())


def _can_be_set(field: Field) -> bool:
    return field.writable and not field.required and field.type not in _NOT_SETTABLE


def _own(sync: Sync) -> frozenset[str] | None:
    """Target fields that are not a rule's to set: the planner's own, and cross references. None: all of them are."""
    recipe = recipes.RECIPES.get(sync.recipe)
    if recipe is None:
        return frozenset()
    return None if recipe.own is None else recipe.own | {f"metadata.{name}" for name in recipes.references()}


def content(sync: Sync) -> list[dict[str, Any]]:
    """The draft's rules in their order. RuleError names one that cannot work."""
    rules = list(sync.rules.all())
    fields = fields_of(sync) if rules else None
    return [checked(rule, fields) for rule in rules if fields]


def checked(rule: Rule, fields: Fields) -> dict[str, Any]:
    """As a version holds it. RuleError says what is wrong with it."""
    row = unchecked(rule)
    try:
        found = check_condition(row["condition"], fields.asked)
        if rule.outcome == Outcome.SET:
            row["value"] = _value(rule, fields)
    except RuleError as error:
        raise RuleError(f"Rule “{rule.name}”: {error}") from None
    row["kinds"] = {path: str(kind) for path, kind in sorted(paths_of(found).items())}
    compile_rule(row)
    return row


def unchecked(rule: Rule) -> dict[str, Any]:
    """As it stands in the draft, whether it works or not."""
    row: dict[str, Any] = {"name": rule.name, "outcome": rule.outcome, "reason": rule.reason}
    row["condition"] = {"cel": rule.expression} if rule.expression else rule.condition
    if rule.outcome == Outcome.HOLD:
        row["role"] = rule.role
    if rule.outcome == Outcome.SET:
        row |= {"target": rule.target_path, "value": rule.value}
    return row


def check_editable(sync: Sync) -> None:
    """RuleError names a row that nobody could edit, although it says so."""
    rows = [row for row in sync.mappings.all() if row.editable]
    fields = fields_of(sync) if rows else None
    for row in rows:
        if fields and not may_edit(row.target_path, fields):
            raise RuleError(f"{row.target_path}: this field is not for a person to edit while approving.")


def may_edit(path: str, fields: Fields) -> bool:
    """Whether a person can be let edit this field of the target: one of its own that is not the planner's to fill."""
    return not path.endswith("*") and fields.target(path) is not None


def compiled(rule: Rule, fields: Fields) -> Compiled:
    return compile_rule(checked(rule, fields))


def _value(rule: Rule, fields: Fields) -> Any:
    """As the target takes it."""
    field, said = fields.target(rule.target_path), rule.value.strip()
    if field is None:
        named = f"“{rule.target_path}” is no field that a rule can set."
        raise RuleError(named if rule.target_path else "Say which field it sets.")
    if not said:
        raise RuleError(f"Say what to set “{field.label}” to.")
    return taken(field, said)
