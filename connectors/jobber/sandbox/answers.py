"""Answers a prepared question, synchronously: a leaf is looked up, everything else has a resolver."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from connectors.jobber.sandbox.prepared import Step, Steps

type Source = Mapping[str, Any]


@dataclass(slots=True)
class Asked:
    """One question being answered. `memo` keeps what is worked out once for all of it."""

    resolvers: "Resolvers"
    variables: Mapping[str, Any]
    account: dict[str, Any]
    caller: Any
    known: dict[Step, dict[str, Any]] = field(default_factory=dict)
    memo: dict[str, Any] = field(default_factory=dict)

    def arguments(self, step: Step) -> dict[str, Any]:
        """The same for every object, so worked out once."""
        if step not in self.known:
            self.known[step] = step.arguments(self.variables)
        return self.known[step]


#: (object, arguments, question) -> value; by "Type.field".
type Resolvers = Mapping[str, Callable[[Any, dict[str, Any], Asked], Any]]


def answer(steps: list[Step], source: Source, asked: Asked) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for step in steps:
        name = step.name
        if step.below is None and name in source:
            found[step.key] = source[name]
        else:
            found[step.key] = _resolved(step, source, asked)
    return found


def _resolved(step: Step, source: Source, asked: Asked) -> Any:
    if step.name == "__typename":
        return step.type_name
    resolve = asked.resolvers.get(f"{step.type_name}.{step.name}")
    value = resolve(source, asked.arguments(step), asked) if resolve else source[step.name]
    below = step.below
    if below is None or value is None:
        return value
    if isinstance(value, list):
        return [answer(_steps(below, item), item, asked) for item in value]
    return answer(_steps(below, value), value, asked)


def _steps(below: Steps, source: Source) -> list[Step]:
    """An object of a union names its own type."""
    return below.only if below.only is not None else below.by_type[source["__typename"]]
