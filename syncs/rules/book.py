"""A rule as a version holds it, ready to be asked about a record. Pure.

{"name": "Big invoices", "condition": {"all": [...]} or {"cel": "total > 5000"}, "outcome": "hold", "role": "owner",
"reason": "", "target": "", "value": None, "to": {}, "sync": None, "kinds": {"total": "amount"}}

`kinds` are those of the fields that it names, so that a version can be read without the catalogue.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from syncs.rules import RuleError
from syncs.rules.conditions import Group, Kinds, compile_tree, words_of
from syncs.rules.expressions import Expression, compile_expression, try_out
from syncs.rules.values import Facts, Kind, shown

SKIP, HOLD, SET, INCIDENT, ROUTE = "skip", "hold", "set", "incident", "route"
#: Outcomes beside which the record goes on: of the others, the first decides.
BESIDE = frozenset({SET, INCIDENT})
#: Who may decide, as a rule says it: {role: words}.
ROLES = {"owner": "an owner", "office": "the office or an owner", "staff": "anybody who may decide"}
LONGEST_NAME, LONGEST_REASON, LONGEST_VALUE, MOST_RULES = 80, 200, 500, 50
#: Values that stand in the words of what a rule holds.
MOST_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Rule:
    name: str
    condition: Group | Expression
    outcome: str
    reason: str = ""
    role: str = ""
    target: str = ""
    value: Any = None
    #: The sync that it sends records to, and its name.
    to: int | None = None
    to_name: str = ""

    def judge(self, facts: Facts) -> tuple[bool, str]:
        """Whether it applies, and what could not be judged. What cannot be compared is no."""
        note = self._unreadable(facts)
        if isinstance(self.condition, Group):
            return self.condition.holds(facts), note
        try:
            answer = self.condition.answer(facts)
        except RuleError as error:
            return False, note or str(error)
        return answer is True, note if isinstance(answer, bool) else "it comes to neither yes nor no"

    @property
    def paths(self) -> dict[str, Kind]:
        return paths_of(self.condition)

    def found(self, facts: Facts) -> str:
        """What it looked at: 'total 6,200.00, status paid'."""
        read = {path: facts.value(path, kind) for path, kind in self.paths.items() if not path.startswith("link.")}
        said = [f"{words_of(path)} {shown(value)[:60]}" for path, value in read.items() if value not in (None, "", ())]
        return ", ".join(said[:MOST_SHOWN])

    def cel(self) -> str:
        return self.condition.cel() if isinstance(self.condition, Group) else self.condition.text

    def does(self) -> str:
        """Its outcome in words."""
        if self.outcome == SKIP:
            return f"leave it out: {self.reason}"
        if self.outcome == HOLD:
            return f"hold it for {ROLES[self.role]}" + (f": {self.reason}" if self.reason else "")
        if self.outcome == INCIDENT:
            return f"raise an incident: {self.reason}"
        if self.outcome == ROUTE:
            return f"send it to “{self.to_name}” instead"
        return f"set {words_of(self.target)} to “{shown(self.value)}”"

    def _unreadable(self, facts: Facts) -> str:
        odd = [words_of(path) for path, kind in self.paths.items() if facts.unreadable(path, kind)]
        return f"{' and '.join(odd[:2])} cannot be compared" if odd else ""


def compile_rules(rows: Iterable[Mapping[str, Any]]) -> tuple[Rule, ...]:
    """RuleError names the rule."""
    rules = tuple(compile_rule(row) for row in rows)
    names = [rule.name.casefold() for rule in rules]
    twice = next((rule.name for rule in rules if names.count(rule.name.casefold()) > 1), None)
    if twice:
        raise RuleError(f"Two rules are called “{twice}”.")
    if len(rules) > MOST_RULES:
        raise RuleError(f"A sync can have {MOST_RULES} rules at most.")
    return rules


def compile_rule(row: Mapping[str, Any]) -> Rule:
    name = " ".join(str(row.get("name") or "").split())[:LONGEST_NAME]
    if not name:
        raise RuleError("A rule needs a name.")
    try:
        kinds = {str(path): Kind(kind) for path, kind in (row.get("kinds") or {}).items()}
        condition = read_condition(row.get("condition"), kinds)
        return Rule(name, condition, **_outcome(row))
    except (RuleError, ValueError) as error:
        raise RuleError(f"Rule “{name}”: {error}") from None


def read_condition(said: Any, kinds: Kinds) -> Group | Expression:
    if isinstance(said, Mapping) and isinstance(said.get("cel"), str):
        return compile_expression(said["cel"], kinds)
    return compile_tree(said, kinds)


def check_condition(said: Any, kinds: Kinds) -> Group | Expression:
    """Once more than a version needs: an expression is also tried on a record."""
    found = read_condition(said, kinds)
    if isinstance(found, Expression):
        try_out(found, datetime(2026, 1, 31, tzinfo=UTC))
    return found


def paths_of(condition: Group | Expression) -> dict[str, Kind]:
    """The fields that it asks about."""
    if isinstance(condition, Group):
        return {test.path: test.kind for test in condition.tests()}
    return dict(condition.paths)


def _outcome(row: Mapping[str, Any]) -> dict[str, Any]:
    outcome, reason = row.get("outcome"), str(row.get("reason") or "").strip()[:LONGEST_REASON]
    if outcome == SKIP:
        if not reason:
            raise RuleError("Say why these are left out: people who look for them read it.")
        return {"outcome": SKIP, "reason": reason}
    if outcome == HOLD:
        if row.get("role") not in ROLES:
            raise RuleError("Say who may decide about what it holds.")
        return {"outcome": HOLD, "reason": reason, "role": row["role"]}
    if outcome == SET:
        if not row.get("target"):
            raise RuleError("Say which field it sets.")
        return {"outcome": SET, "reason": reason, "target": str(row["target"]), "value": row.get("value")}
    if outcome == INCIDENT:
        if not reason:
            raise RuleError("Say what is to be done about these: it is the next step of the incident.")
        return {"outcome": INCIDENT, "reason": reason}
    if outcome == ROUTE:
        return {"outcome": ROUTE, "reason": reason, **_place(row)}
    raise RuleError("Say what it does with the records it applies to.")


def _place(row: Mapping[str, Any]) -> dict[str, Any]:
    said, to = row.get("to"), row.get("sync")
    if not isinstance(said, Mapping) or not said.get("recipe"):
        raise RuleError("Say which sync it sends these to.")
    return {"to": to if isinstance(to, int) else None, "to_name": str(said.get("name") or said["recipe"])[:120]}
