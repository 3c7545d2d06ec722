"""A published mapping in words: what is read, where it goes, what is done, what becomes of a record. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from phonenumbers import country_code_for_region

from connectors import registry
from connectors.base import Field
from syncs.mapping import WILDCARD
from syncs.planning import Names, field_words_of
from syncs.recipes.base import Recipe
from syncs.transforms import CATALOGUE
from syncs.transforms.choosing import NAMED

type Rows = Sequence[Mapping[str, Any]]
type Named = Sequence[str]

#: When a value is written; whenever it differs needs no words.
WHEN = {
    "always": "",
    "when_new": "only when the record is new",
    "when_empty": "only where nothing is there yet",
    "with_changes": "only together with another change",
    "merge": "what others have added there stays",
}


@dataclass(frozen=True, slots=True)
class Line:
    """One row. `steps`: what is done, '' where the value goes over as it is; `when`: when it is written, '' where
    that is whenever it differs. `extra`: kept with the record, not one of its own fields."""

    source: str
    target: str
    path: str
    steps: str
    when: str
    extra: bool

    @property
    def how(self) -> str:
        return "; ".join(part for part in (self.steps, self.when) if part)

    @property
    def words(self) -> str:
        """'Email; checked, left out when it is no address'."""
        return "; ".join(part for part in (self.source, self.how) if part)


def catalogue(slug: str, resource: str) -> Sequence[Field]:
    """The fields every account has, without any configuration. KeyError for a connector there is not."""
    return registry.configured(slug, {}).catalogue(resource)


def lines(
    content: Mapping[str, Any], sources: Sequence[Field], targets: Sequence[Field],
    written: Mapping[str, tuple[str, str]] | None = None,
) -> list[Line]:  # fmt: skip
    """`content` as a Version holds it; the catalogues of both sides give the words, and `written` of a recipe those
    of what its planner makes itself."""
    found = [_line(row, sources, targets) for row in content["mappings"]]
    own = written or {}
    return [replace(x, source=own[x.path][0], steps=own[x.path][1]) if x.path in own else x for x in found]


def _line(row: Mapping[str, Any], sources: Sequence[Field], targets: Sequence[Field]) -> Line:
    read = [label(path, sources) for path in row["sources"]]
    steps = [(words_of(step["name"]), {k: v for k, v in step.items() if k != "name"}) for step in row["transforms"]]
    source = steps[0][0].reads(read) if steps else _and(read)
    done = "; ".join(clause for words, arguments in steps if (clause := words.does(**arguments)))
    target = row["target"]
    return Line(source, label(target, targets), target, done, WHEN[row["mode"]], not is_own(target))


def is_own(path: str) -> bool:
    """A field of the record itself, rather than an entry kept with it."""
    return not path.startswith("metadata.")


def label(path: str, fields: Sequence[Field]) -> str:
    """'Billing city' for 'billing_address.city'; a path the catalogue does not know speaks for itself."""
    known = next((f.label for f in fields if f.path == path and not path.endswith(WILDCARD)), "")
    if known:
        return known
    group, _, name = path.rpartition(".")
    if name.removeprefix("cf_") == WILDCARD:
        return "Custom fields" if group in {"custom", "metadata"} else f"Every {group.replace('_', ' ')}"
    words = name.removeprefix("cf_").replace("_", " ").strip()
    return (words[:1].upper() + words[1:]) or path


# What each transform does


def _small(field: str) -> str:
    """As it stands inside a sentence."""
    return field[:1].lower() + field[1:] if field[1:2].islower() else field


def _and(fields: Named) -> str:
    first, *rest = fields
    *before, last = [first, *map(_small, rest)]
    return f"{', '.join(before)} and {last}" if before else last


def _else(fields: Named) -> str:
    first, *rest = fields
    return ", else ".join([first, *map(_small, rest)])


def _name(fields: Named) -> str:
    if len(fields) != NAMED:
        return _else(fields)
    name, _, company, given, family, email, identity = [fields[0], *map(_small, fields[1:])]
    last_resort = f"the part of the {email} before the @, else “Client” and the end of the {identity}"
    return f"{name}, else {given} and {family} (of a company the {company}), else {last_resort}"


def _phone(*, region: str = "AU", style: str = "e164", longest: int = 20) -> str:
    form = f"the international way (+{country_code_for_region(region)} …)" if style == "e164" else f"as in {region}"
    return f"the first number in it, written {form}; kept as typed, up to {longest} characters, when it cannot be read"


def _country(*, default: str = "") -> str:
    instead = f", {default} when the address names none" if default else ""
    return f"as a two-letter code{instead}; left out when it is no country"


def _join_list(*, separator: str = ", ", longest: int = 500) -> str:
    between = "" if separator.strip() in {",", ""} else f" with “{separator.strip()}” between"
    return f"as one list without doubles{between}, at most {longest:,} characters"


def _lookup(*, table: Mapping[str, str], otherwise: str = "hold") -> str:
    rest = {"hold": "makes the record wait for a person", "keep": "stays as it is", "empty": "is left out"}[otherwise]
    return f"as a table says; a value that is not in it {rest}"


@dataclass(frozen=True, slots=True)
class Words:
    """`does(**arguments)` is a clause, '' for nothing worth saying; `reads(fields)` names what goes in."""

    does: Callable[..., str]
    reads: Callable[[Named], str] = _and


WORDS = {
    "first": Words(lambda: "", _else),
    "join": Words(lambda separator=" ": f"put together with “{separator}”" if separator.strip() else "put together"),
    "text": Words(lambda: ""),
    "cut": Words(lambda length: f"at most {length:,} characters"),
    "email": Words(lambda lower=False: f"checked{', in small letters' * lower}, left out when it is no email address"),
    "phone": Words(_phone, _else),
    "country": Words(_country, lambda fields: fields[0]),
    "state_au": Words(lambda: "Australian states as their short form"),
    "join_list": Words(_join_list),
    "lookup": Words(_lookup),
    "flag": Words(lambda on="true": f"“{on}” for yes, nothing for no"),
    "utc_time": Words(lambda: "as a date and time, in UTC"),
    "choose_name": Words(lambda: "", _name),
}


def words_of(name: str) -> Words:
    """Those written here, else what the transform says of itself."""
    return WORDS.get(name) or Words(lambda **arguments: CATALOGUE[name].said(arguments))


# What holds for every sync, whatever its rows


@dataclass(frozen=True, slots=True)
class Case:
    happens: str
    follows: str


def cases(names: Names, rows: Rows) -> list[Case]:
    """What becomes of a record, from its making to its end, by the plan that recipes have in common."""
    one, other = names.source_one, names.target_one
    found = [
        (
            f"A {one} is new",
            f"The {other} that carries its id, else the only one with its email, is linked. Where there is none, one "
            "is made.",
        ),
        (f"It is {names.source}'s own sample data", "It is left out."),
        (f"Two {one}s share the email of one {other}", "They wait until a person says who is who."),
        (f"Two {one}s share an email that no {other} has", f"Each gets a {other} of its own."),
        (f"Several {other}s have the {one}'s email", "It waits until a person chooses one."),
        (
            f"A {other} without its email has its name and postcode, or its phone and a similar name",
            "It waits until a person says whether they are the same.",
        ),
        (f"A {one} is edited", "The fields that differ are sent, and no others."),
        (f"A field of the table is edited in {names.target}", _edited_there(names, rows)),
        ("A value cannot be used", "That field is left as it is and the record says why; the others are sent."),
        *(
            [(f"A value of a {one} is not in its row's table", "It waits until the value or the table is changed.")]
            if _held_by_table(rows)
            else []
        ),
        (
            f"{names.target} refuses a {one}",
            "A change is planned once more from what is there by then. What is new, or refused again, waits, with the "
            "reason, until it or the mapping is changed.",
        ),
        *((f"A {one} is archived", f"The {other} stays, and is marked.") for _ in _archive_marks(rows)),
        (f"A {one} is deleted", f"The {other} stays as it is."),
        (
            f"A {other} is deleted",
            f"Nothing changes in {names.source}. When the {one} is edited again, it waits until a person says whether "
            f"to make a new {other}.",
        ),
    ]
    return [Case(*pair) for pair in found]


def all_cases(recipe: Recipe, rows: Rows) -> list[tuple[str, str]]:
    """What becomes of a record: as the recipe says it, else as the common plan has it for these rows."""
    return list(recipe.cases) or [(case.happens, case.follows) for case in cases(recipe.names, rows)]


def all_never(recipe: Recipe) -> list[str]:
    return [*recipe.never, *(() if recipe.cases else NEVER)]


def _edited_there(names: Names, rows: Rows) -> str:
    theirs = [row["target"] for row in rows if row.get("back") and row.get("owner", "source") != "source"]
    said = f"It is set back to what {names.source} says."
    if not theirs:
        return said
    which = field_words_of(theirs)
    return (
        f"{said} Where both ways is chosen, some go to {names.source} instead, if {names.source} has not changed them "
        f"too: {which[:1].lower()}{which[1:]}."
    )


def _held_by_table(rows: Rows) -> bool:
    steps = [step for row in rows for step in row["transforms"]]
    return any(step["name"] == "lookup" and step.get("otherwise", "hold") == "hold" for step in steps)


def _archive_marks(rows: Rows) -> list[str]:
    return [row["target"] for row in rows if "is_archived" in row["sources"]][:1]


#: What the common plan will never do, whatever the recipe.
NEVER = (
    "Erase a filled field because the other side's is empty, unless we had filled it.",
    "Touch a field that is not in the table.",
    "Write a record that is in step.",
)
