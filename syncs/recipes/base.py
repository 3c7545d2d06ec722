"""What a recipe is."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from connectors.base import Record
from syncs.comparing import Known
from syncs.mapping import Compiled
from syncs.matching import Clues
from syncs.planning import Names, Plan, kept_back, plan

type Planner = Callable[[Compiled, Names, Record | None, Record | None, Known, Clues, Any], Plan]


def row(
    sources: str | list[str], target: str, *steps: dict[str, Any], mode: str = "always", owner: str = "source",
    back: str = "", back_steps: Sequence[dict[str, Any]] = (),
) -> dict[str, Any]:  # fmt: skip
    """A mapping row as a Version holds it."""
    return {
        "sources": [sources] if isinstance(sources, str) else sources, "target": target, "transforms": list(steps),
        "mode": mode, "owner": owner, "back": back, "back_transforms": list(back_steps),
    }  # fmt: skip


#: Transforms that many rows have.
TEXT = {"name": "text"}
LIST = {"name": "join_list", "separator": ", ", "longest": 500}


def cut(length: int) -> dict[str, Any]:
    return {"name": "cut", "length": length}


type Choices = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Table:
    """An option that translates words: {key: one of the choices}. `keys` and `choices` come with their labels."""

    label: str
    keys: Choices
    choices: Choices


@dataclass(frozen=True)
class Recipe:
    """`mappings` are rows as a Version holds them; `options` the values a new sync starts with."""

    slug: str
    name: str
    summary: str
    source: str
    source_resource: str
    target: str
    target_resource: str
    names: Names
    mappings: tuple[dict[str, Any], ...]
    #: For who chooses it: what it does, beside reading first and showing the plan, and what it never does.
    does: tuple[str, ...]
    never: tuple[str, ...]
    #: (when, then) of a planner of its own; without them syncs.describing knows what the common one does.
    cases: tuple[tuple[str, str], ...] = ()
    #: {target path: (what is read, what is made of it)} of what the planner makes, where its row says less.
    written: dict[str, tuple[str, str]] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    #: What each option means, for who switches it.
    option_labels: dict[str, str] = field(default_factory=dict)
    #: Options that are one of several, and options that are a table of them.
    option_choices: dict[str, Choices] = field(default_factory=dict)
    tables: dict[str, Table] = field(default_factory=dict)
    #: Decides about one record; the last argument is what `facts` names (syncs.gathering), None without a name.
    planner: Planner = plan
    facts: str = ""
    #: A record may take several calls, one after the other.
    steps: bool = False
    #: The recipe whose records must be there first.
    after: str = ""
    #: Fields of the target that the planner fills itself, so that no rule can set them. None: it fills all there are.
    own: frozenset[str] | None = frozenset()
    #: Every record of the target should have one at the source, and carries its id: one that has none is told of.
    paired: bool = True
    #: Cross references of what is made beside the counterpart.
    also_references: tuple[str, ...] = ()

    def decide(
        self, version: Compiled, source: Record | None, target: Record | None, known: Known, clues: Clues, facts: Any
    ) -> Plan:
        """The planner's plan, or a hold where a value must not be guessed. Rules stand around it (rules.judging)."""
        made = self.planner(version, self.names, source, target, known, clues, facts)
        return kept_back(version, source, made)

    def mappings_in(self, country: str) -> list[dict[str, Any]]:
        """The rows for a business of this country (ISO 3166-1 alpha-2): phone numbers are read as they are written
        there, and addresses that name no country are there."""
        return [{**row, "transforms": [_at_home(step, country) for step in row["transforms"]]} for row in self.mappings]


def _at_home(step: Mapping[str, Any], country: str) -> dict[str, Any]:
    return {**step, **{name: country for name in ("region", "default") if name in step}}
