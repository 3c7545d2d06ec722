"""Whether the rows of a mapping can work: what a row makes, against what its target takes. Pure.

Each problem is one sentence that says what to do about it. A row is judged by types and limits, and by what it makes of
records that were read lately.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from connectors.base import Field, FieldType
from connectors.emails import valid_email
from syncs import recipes
from syncs.mapping import WILDCARD, Limits, MappingError, Row, applied, compile_row
from syncs.recipes import Recipe
from syncs.transforms import CATALOGUE, Hold, Notes, is_empty, plain
from syncs.transforms.numbers import read as as_number

type Content = Mapping[str, Any]
type Data = Mapping[str, Any]
LIMITS = Limits()
ONLY_LISTS = frozenset({"first", "join"})
#: What to add where a row makes something else than its target takes.
_MAKES = {
    FieldType.TEXT: "Add “text”, “yes_no” or “join_list”.", FieldType.EMAIL: "Add “email”.",
    FieldType.PHONE: "Add “phone”.", FieldType.COUNTRY: "Add “country”.", FieldType.NUMBER: "Add “number”.",
    FieldType.MONEY: "Add “money”.", FieldType.DATETIME: "Add “utc_time”.",
    FieldType.BOOLEAN: "Read a yes/no field instead, without transforms.",
    FieldType.LIST: "Read a field that holds a list instead, without transforms.",
    FieldType.CHOICE: "Add “lookup” with a table of what becomes of what.",
}  # fmt: skip
_NUMBERS = {FieldType.NUMBER, FieldType.MONEY}
_OWN_KIND = {FieldType.EMAIL, FieldType.PHONE, FieldType.COUNTRY, FieldType.DATETIME, FieldType.BOOLEAN, FieldType.LIST}
_NOT_TEXT = {FieldType.LIST, FieldType.BOOLEAN}


@dataclass(frozen=True)
class Catalogue:
    """What a sync can read and write. A path that ends in * stands for every field with that beginning.

    `there`: fields of the target that cannot be written. `seen` and `seen_there`: records that were read lately.
    """

    source_name: str
    target_name: str
    sources: dict[str, Field]
    targets: dict[str, Field]
    there: Mapping[str, Field] | None = None
    seen: Sequence[Data] = ()
    seen_there: Sequence[Data] = ()
    recipe: Recipe | None = None

    def field(self, path: str, side: Mapping[str, Field]) -> Field | None:
        """The catalogue's entry, also for one key under a star."""
        head = path.split(".", 1)[0]
        under = side.get(f"{head}.{WILDCARD}") if len(path) > len(head) + 1 else None
        return side.get(path) or (replace(under, path=path, label=path.partition(".")[2]) if under else None)

    def source(self, path: str) -> Field | None:
        return self.field(path, self.sources)

    def target(self, path: str) -> Field | None:
        return self.field(path, self.targets)


@dataclass(frozen=True, slots=True)
class Chain:
    """What a row makes: of which type, at most how long (None: no limit)."""

    type: FieldType
    longest: int | None


def problems(content: Content, catalogue: Catalogue) -> list[str]:
    """Of a whole draft: a sentence for each row that cannot work, then what the rows lack together."""
    rows = content["mappings"]
    found = [words for row in rows if (words := row_problem(row, catalogue))]
    return [*found, *together(rows, catalogue)]


def together(rows: Sequence[Mapping[str, Any]], catalogue: Catalogue) -> list[str]:
    targets = [str(row["target"]) for row in rows]
    twice = [
        f"{t}: two rows write this field. Keep one of them." for t in dict.fromkeys(targets) if targets.count(t) > 1
    ]
    return [*twice, *_groups(targets), *_lacking(targets, catalogue)]


def _groups(targets: Sequence[str]) -> Iterator[str]:
    for prefix, most in LIMITS.groups.items():
        own = {t for t in targets if t.startswith(prefix) and not t.endswith(WILDCARD)}
        if len(own) > most:
            yield f"{len(own)} rows write to {prefix}*, and there is room for {most}. Take {len(own) - most} out."


def _lacking(targets: Sequence[str], catalogue: Catalogue) -> Iterator[str]:
    """Fields that a record cannot do without."""
    recipe = catalogue.recipe
    if recipe and recipe.own is None:
        return  # it fills all of them itself
    filled = {*targets, *(recipe.own or () if recipe else ())}
    for field in catalogue.targets.values():
        if field.required and field.path not in filled:
            yield f"{catalogue.target_name} cannot be without “{field.label}”. Add a row that writes {field.path}."
    for row in _cross_references(recipe):
        if row["target"] not in targets:
            yield (
                f"{row['target']} is how both records are known to belong together. Put its row back: "
                f"{', '.join(row['sources'])} to {row['target']}."
            )


def _cross_references(recipe: Recipe | None) -> list[Mapping[str, Any]]:
    """The recipe's rows that write the id of the source's record."""
    names = {f"metadata.{name}" for name in recipes.references()}
    return [row for row in recipe.mappings if row["target"] in names] if recipe else []


def row_problem(row: Mapping[str, Any], catalogue: Catalogue) -> str:
    """What keeps a row from working, '' where nothing does. The first that is found."""
    try:
        compiled = compile_row(row)
    except MappingError as error:
        return str(error)
    checks = (_unknown, _kept_for_others, _key, _forward, _backward)
    return next((words for check in checks if (words := check(row, compiled, catalogue))), "")


def unknown(row: Mapping[str, Any], catalogue: Catalogue) -> list[str]:
    """Sentences about fields of a row that are not there."""
    found = [f"{catalogue.source_name} have no field “{p}”." for p in row["sources"] if not catalogue.source(p)]
    if not catalogue.target(row["target"]):
        found.append(not_writable(row["target"], catalogue))
    back = row.get("back")
    field = catalogue.source(back) if back else None
    if back and not (field and field.writable):
        found.append(f"{catalogue.source_name} have no field “{back}” that can be written.")
    return found


def not_writable(path: str, catalogue: Catalogue) -> str:
    known = catalogue.there and catalogue.there.get(path)
    more = f" “{known.label}” can only be read: choose another." if known else ""
    return f"{catalogue.target_name} have no field “{path}” that can be written.{more}"


def _unknown(row: Mapping[str, Any], compiled: Row, catalogue: Catalogue) -> str:
    return next((f"{compiled.target}: {words}" for words in unknown(row, catalogue)), "")


def _kept_for_others(row: Mapping[str, Any], compiled: Row, catalogue: Catalogue) -> str:
    """What the recipe fills itself, and the ids by which records are found."""
    recipe, target = catalogue.recipe, compiled.target
    if recipe is None:
        return ""
    if recipe.own is None:
        mine = target in {r["target"] for r in recipe.mappings}
        return "" if mine else f"{target}: this sync fills all fields itself. Take this row out."
    if target in recipe.own:
        return f"{target}: this sync fills it itself. Take this row out, or write to another field."
    ours = {r["target"]: r for r in _cross_references(recipe)}
    if target in ours and list(row["sources"]) != ours[target]["sources"]:
        return f"{target} is how both records are known to belong together: let it read {ours[target]['sources'][0]}."
    if target not in ours and target in {f"metadata.{name}" for name in recipes.references()}:
        return f"{target} is kept for what another sync writes. Choose another key."
    return ""


def _key(row: Mapping[str, Any], compiled: Row, catalogue: Catalogue) -> str:
    prefix = next((p for p in LIMITS.groups if compiled.target.startswith(p)), "")
    key = compiled.target.removeprefix(prefix)
    if not prefix or compiled.many:
        return ""
    if len(key) > LIMITS.key_length:
        return f"{compiled.target}: a key takes at most {LIMITS.key_length} characters, and this one has {len(key)}."
    if not key.strip() or set(key) & set("[]") or key != key.strip():
        return f"{compiled.target}: a key is a word without [ and ], such as gate_code."
    return ""


def _forward(row: Mapping[str, Any], compiled: Row, catalogue: Catalogue) -> str:
    field = catalogue.target(compiled.target)
    fields = [f for p in compiled.sources if (f := catalogue.source(p))]
    if field is None or not fields:
        return ""
    if len(fields) == 1 and fields[0].type != FieldType.LIST and not compiled.many:
        first = next((str(step["name"]) for step in row["transforms"]), "")
        if first in ONLY_LISTS:
            return f"{compiled.target}: “{first}” needs several fields, or one that holds a list."
    chain = chained(row["transforms"], fields)
    return _clash(chain, field, compiled.target) or _tried(
        compiled.steps, _values(compiled, catalogue), field, compiled
    )


def _backward(row: Mapping[str, Any], compiled: Row, catalogue: Catalogue) -> str:
    """The way back: what the target holds, into the source's own field."""
    field, came = catalogue.source(compiled.back) if compiled.back else None, catalogue.target(compiled.target)
    if field is None or came is None:
        return ""
    chain = chained(row.get("back_transforms") or (), [came])
    values = [value for data in catalogue.seen_there if not is_empty(value := data.get(compiled.target))]
    return _clash(chain, field, compiled.target) or _tried(compiled.back_steps, values, field, compiled)


def chained(steps: Sequence[Mapping[str, Any]], fields: Sequence[Field]) -> Chain:
    """What the steps make of these fields, as far as it can be known without a value."""
    types, limits = {f.type for f in fields}, [f.max_length for f in fields]
    kind = fields[0].type if len(types) == 1 else FieldType.TEXT
    longest = None if None in limits else max(n for n in limits if n is not None)
    for step in steps:
        entry, given = CATALOGUE[step["name"]], {k: v for k, v in step.items() if k != "name"}
        kind, longest = entry.made(given, kind), entry.most(given, longest)
        if kind == FieldType.LIST and entry.name != "default":
            kind = FieldType.TEXT  # an entry of it
    return Chain(kind, longest)


def _clash(chain: Chain, field: Field, target: str) -> str:
    named = field.type == FieldType.COUNTRY and field.max_length and not chain.longest  # a name, not a code
    if named or not _suits(chain.type, field.type):
        says = f"{target}: this row gives {_a(chain.type)}, and “{field.label}” takes {_a(field.type)}."
        return f"{says} {_advice(chain.type, field.type)}"
    if field.max_length and chain.longest and chain.longest > field.max_length:
        return (
            f"{target}: this row gives up to {chain.longest:,} characters, and “{field.label}” takes "
            f"{field.max_length:,}. Add “cut” with length {field.max_length}."
        )
    return ""


def _advice(gives: FieldType, takes: FieldType) -> str:
    if takes == FieldType.TEXT:
        return "Add “join_list”." if gives == FieldType.LIST else "Add “yes_no”."
    return _MAKES[takes]


def _suits(gives: FieldType, takes: FieldType) -> bool:
    if takes in _NUMBERS:
        return gives in _NUMBERS
    return gives == takes if takes in _OWN_KIND else gives not in _NOT_TEXT


def _a(kind: FieldType) -> str:
    words = {FieldType.EMAIL: "an email", FieldType.MONEY: "an amount", FieldType.BOOLEAN: "a yes or no"}
    return words.get(kind, f"a {kind}")


def _values(compiled: Row, catalogue: Catalogue) -> Iterator[Any]:
    """What the row reads in records that were read lately; made up where there are none."""
    for data in catalogue.seen:
        if compiled.many:
            prefix = compiled.sources[0][:-1]
            yield from (value for path, value in data.items() if path.startswith(prefix))
        elif len(compiled.sources) == 1:
            yield data.get(compiled.sources[0])
        else:
            yield [data.get(path) for path in compiled.sources]
    if not catalogue.seen and not compiled.many:
        values = [_sample(catalogue.source(path)) for path in compiled.sources]
        yield values[0] if len(values) == 1 else values


def _sample(field: Field | None) -> Any:
    made: dict[FieldType, Any] = {
        FieldType.LIST: ["one", "two"], FieldType.BOOLEAN: True, FieldType.DATETIME: "2026-01-31T09:00:00Z",
        FieldType.NUMBER: 1, FieldType.MONEY: "1.00", FieldType.EMAIL: "ann@example.com", FieldType.COUNTRY: "AU",
    }  # fmt: skip
    if field and field.choices:
        return field.choices[0][0]
    return made.get(field.type, "Sample") if field else "Sample"


def _tried(steps: Sequence[Any], values: Iterable[Any], field: Field, row: Row) -> str:
    """The steps on values that are really there."""
    for value in values:
        notes: Notes = []
        try:
            found = applied(steps, value, notes)
        except Exception:  # whatever it is, the row cannot work
            words = "these transforms do not work on these fields. Check their number and the arguments."
            return f"{row.target}: {words}"
        held = bool(notes) and isinstance(notes[-1], Hold)
        wrong = "" if held or is_empty(found) else _refused(found, field)
        if wrong:
            return f"{row.target}: {_short(value)} becomes {_short(found)}, and {wrong}"
    return ""


def _refused(value: Any, field: Field) -> str:
    """Why the field would not take this value, and what to do."""
    if field.choices and plain(value) not in dict(field.choices):
        return f"“{field.label}” can be {', '.join(name for name, _ in field.choices)}. {_MAKES[FieldType.CHOICE]}"
    if not _is(value, field.type):
        advice = _MAKES[field.type]
        return f"“{field.label}” takes {_a(field.type)}. {advice}"
    if field.max_length and isinstance(value, str) and len(value) > field.max_length:
        return f"“{field.label}” takes {field.max_length:,} characters. Add “cut” with length {field.max_length}."
    return ""


def _is(value: Any, kind: FieldType) -> bool:
    match kind:
        case FieldType.BOOLEAN:
            return isinstance(value, bool)
        case FieldType.LIST:
            return isinstance(value, list)
        case FieldType.NUMBER | FieldType.MONEY:
            return as_number(value, []) is not None
        case FieldType.DATETIME:
            return _is_moment(value)
        case FieldType.EMAIL:
            return bool(valid_email(plain(value)))
        case FieldType.COUNTRY:
            return isinstance(value, str) and len(value) == 2 and value.isalpha() and value.isupper()
    return not isinstance(value, bool | list | dict)


def _is_moment(value: Any) -> bool:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return True
    try:
        return bool(datetime.fromisoformat(str(value)))
    except ValueError:
        return False


def _short(value: Any) -> str:
    words = plain(value)
    return f"“{words[:37]}…”" if len(words) > 40 else f"“{words}”"
