"""A text put together from the fields of a row, by a template in Liquid. Pure.

Bounded by what it may use: no loops, no other templates, no arithmetic, no clock; filters of text only, each of which
may make only so much. It sees texts, yes and no, and nothing of Python.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, wraps
from typing import TYPE_CHECKING, Annotated, Any

from syncs.transforms.arguments import Arg
from syncs.transforms.catalogue import eg, theme
from syncs.transforms.values import LONGEST, Notes, is_empty, plain

if TYPE_CHECKING:
    from liquid import BoundTemplate, Environment

transform = theme("Words")
#: Of the template, of one value that it reads, and of what it may make.
_TEMPLATE, _VALUE, _MADE = 1_000, 5_000, 20_000
#: One within the other, each takes the parser more time than the one before.
_BRACKETS = 100
_TAGS = frozenset(["if", "unless", "case", "assign", "comment", "#", "echo", "content", "output", "illegal"])
_FILTERS = frozenset([
    "append", "capitalize", "default", "downcase", "first", "last", "lstrip", "prepend", "remove", "remove_first",
    "rstrip", "size", "slice", "split", "squish", "strip", "truncate", "truncatewords", "upcase",
])  # fmt: skip


class TooMuch(ValueError):
    """A filter has made more than a template may."""


@lru_cache(maxsize=1)
def _environment() -> "Environment":
    from liquid import Environment  # deferred: it takes a tenth of a second

    class Bounded(Environment):
        output_stream_limit = _MADE
        local_namespace_limit = _MADE * 4
        loop_iteration_limit = 100
        context_depth_limit = 20
        block_nesting_limit = 20

    made = Bounded()
    made.tags = {name: tag for name, tag in made.tags.items() if name in _TAGS}
    made.filters = {name: _bounded(f) for name, f in made.filters.items() if name in _FILTERS}
    return made


def _bounded(function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def run(*args: Any, **kwargs: Any) -> Any:
        made = function(*args, **kwargs)
        if isinstance(made, str | list) and len(made) > _MADE:
            raise TooMuch
        return made

    return run


@lru_cache(maxsize=256)
def parsed(text: str) -> "BoundTemplate":
    """ValueError, in words, for one that cannot be used."""
    from liquid.exceptions import LiquidError

    if text.count("[") > _BRACKETS:
        raise ValueError(f"it has more than {_BRACKETS} square brackets.")
    try:
        made = _environment().from_string(text)
        told = made.analyze(include_partials=False)
    except (LiquidError, RecursionError) as error:
        raise ValueError(f"{_reason(error)}.") from None
    strange = sorted(set(told.filters) - _FILTERS)
    if strange:
        raise ValueError(f"there is no “{strange[0]}” here. After a | may stand {', '.join(sorted(_FILTERS))}.")
    return made


def _reason(error: Exception) -> str:
    words = plain(str(error.args[0] if error.args else error)).rstrip(".")
    return f"it is not written as Liquid wants it ({words[:100]})"


def _check(given: Mapping[str, Any], paths: Sequence[str]) -> None:
    """Every name it reads is one that it gets."""
    known = [("value",), *(tuple(path.split(".")) for path in paths)]
    for uses in parsed(given["text"]).analyze(include_partials=False).globals.values():
        for use in uses:
            if not any(tuple(use.segments[: len(k)]) == k for k in known):
                names = ", ".join(f"“{'.'.join(k)}”" for k in known)
                strange = ".".join(map(str, use.segments))[:40]
                raise ValueError(f"reads “{strange}”, which it does not get: only {names}")


@transform(
    eg(["Ann", "Smith"], "Smith, Ann", ("first_name", "last_name"), text="{{ last_name }}, {{ first_name }}"),
    eg(
        ["Bay Cafe", ""],
        "Bay Cafe",
        ("company", "contact"),
        text="{{ company }}{% if contact %} ({{ contact }}){% endif %}",
    ),
    eg("4411", "Gate code: 4411", text="Gate code: {{ value }}"),
    gathers=True,
    reads_paths=True,
    check=_check,
    says="put together as {text}",
)
def template(
    value: Any, notes: Notes, *,
    text: Annotated[str, Arg("the template, in Liquid", least=1, most=_TEMPLATE, check=parsed)],
    paths: tuple[str, ...] = (),
) -> str:  # fmt: skip
    """A text put together from the fields that the row reads.

    Fields are named by their paths, such as {{ billing_address.city }}; {{ value }} is what the step before has made,
    or the row's only field. An empty field counts as a no in {% if %}.
    """
    try:
        made = parsed(text).render(**_seen(value, paths))
    except Exception:  # whatever stops the template: it is not ours, and no record must stop with it
        notes.append("could not be put together by its template, so it was not sent")
        return ""
    return plain(made)[:LONGEST]


def _seen(value: Any, paths: Sequence[str]) -> dict[str, Any]:
    several = len(paths) > 1 and isinstance(value, list)
    found: dict[str, Any] = {"value": _shown(value)}
    for path, one in zip(paths, value if several else [value], strict=False):
        *groups, name = path.split(".")
        inner = found
        for group in groups:
            held = inner.get(group)
            inner[group] = inner = held if isinstance(held, dict) else {}
        inner[name] = _shown(one)
    return found


def _shown(value: Any) -> Any:
    """Nothing for what is empty, since an empty text is a yes in Liquid."""
    if is_empty(value) or isinstance(value, bool):
        return value or None
    return plain(value)[:_VALUE] or None
