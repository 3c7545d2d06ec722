"""The rules of a sync's draft as its version will hold them, and the fields that they may speak of."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connectors import registry
from connectors.base import Field, FieldType
from syncs import recipes, routing
from syncs.models import FieldMapping, Outcome, Rule, Sync
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
    #: Syncs that a rule can send records to.
    others: Sequence[Sync] = ()

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
    labels = {f.path: f.label for f in here} | LINK_FIELDS
    return Fields(asked, labels, settable, own or frozenset(), list(routing.others(sync)))


def _can_be_set(field: Field) -> bool:
    return field.writable and not field.required and field.type not in _NOT_SETTABLE


def _own(sync: Sync) -> frozenset[str] | None:
    """Target fields that are not a rule's to set: the planner's own, and cross references. None: all of them are."""
    recipe = recipes.RECIPES.get(sync.recipe)
    if recipe is None:
        return frozenset()
    return None if recipe.own is None else recipe.own | {f"metadata.{name}" for name in recipes.references()}


def checked_all(sync: Sync, rules: Iterable[Rule]) -> list[dict[str, Any]]:
    """These rules in their order, as a version holds them. RuleError names one that cannot work."""
    listed = list(rules)
    fields = fields_of(sync) if listed else None
    return [checked(rule, fields) for rule in listed if fields]


def checked(rule: Rule, fields: Fields) -> dict[str, Any]:
    """As a version holds it. RuleError says what is wrong with it."""
    row = unchecked(rule)
    try:
        found = check_condition(row["condition"], fields.asked)
        if rule.outcome == Outcome.SET:
            row["value"] = _value(rule, fields)
        if rule.outcome == Outcome.ROUTE:
            row["sync"] = routed_to(rule, fields.others).pk
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
    if rule.outcome == Outcome.ROUTE:
        row["to"] = rule.route_to
    return row


def place(sync: Sync) -> dict[str, str]:
    """A sync that records are sent to, in words that another installation understands too."""
    return {"recipe": sync.recipe, "connector": sync.target.connector, "name": sync.name}


def routed_to(rule: Rule, others: Sequence[Sync]) -> Sync:
    """The sync that the rule names. RuleError where there is none, or more than one."""
    if not others:
        raise RuleError("No other sync reads the same records of the same account, so there is none to send them to.")
    said = rule.route_to
    if not said:
        raise RuleError("Say which sync it sends these to.")
    found = [sync for sync in others if {**place(sync), "name": ""} == {**said, "name": ""}]
    named = [sync for sync in found if sync.name == said.get("name")]
    if len(found) == 1 or len(named) == 1:
        return (found if len(found) == 1 else named)[0]
    called = f"“{said.get('name') or said.get('recipe')}”"
    if not found:
        raise RuleError(f"There is no sync {called} that reads the same records. Choose another.")
    raise RuleError(
        f"More than one sync can be meant by {called}. Give each of them a name of its own, and choose again."
    )


def check_editable(sync: Sync, mappings: Iterable[FieldMapping]) -> None:
    """RuleError names a row that nobody could edit, although it says so."""
    rows = [row for row in mappings if row.editable]
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
