"""Transforms that choose a value: the first there is, one that stands in, one of a table, a yes or a no. Pure."""

from typing import Annotated, Any, Literal

from syncs.transforms.arguments import Arg
from syncs.transforms.catalogue import Given, eg, theme
from syncs.transforms.values import Hold, Notes, as_list, is_empty, plain, quoted

transform = theme("Choosing")
NOT_IN_TABLE = "not_in_table"


@transform(eg(["", "Ann"], "Ann"), eg(["", ""], ""), gathers=True, gives=None)
def first(value: Any, notes: Notes) -> Any:
    """The first value that is not empty."""
    return next((v for v in as_list(value) if not is_empty(v)), "")


@transform(
    eg("", "unknown", to="unknown"), eg("Ann", "Ann", to="unknown"), says="“{to}” where nothing is there", gives=None,
    longest=lambda given, came: None if came is None else max(came, len(given["to"])),
)  # fmt: skip
def default(value: Any, notes: Notes, *, to: Annotated[str, Arg("what stands in", least=1)]) -> Any:
    """The value, or “to” where it is empty."""
    return to if is_empty(value) or plain(value) == "" else value


@transform(
    eg("anything", "Jobber", text="Jobber"), eg("", "Jobber", text="Jobber"), says="always “{text}”",
    longest=lambda given, came: len(given["text"]),
)  # fmt: skip
def constant(value: Any, notes: Notes, *, text: Annotated[str, Arg("what is sent", least=1)]) -> str:
    """Always the same text, whatever the record holds."""
    return text


@transform(
    eg("Residential", "home", table={"residential": "home", "commercial": "work"}),
    eg("Farm", "", table={"residential": "home"}, otherwise="empty"),
    eg("Farm", "Farm", table={"residential": "home"}, otherwise="keep"),
    may_hold=True, longest=lambda given, came: _longest(given, came),
)  # fmt: skip
def lookup(
    value: Any, notes: Notes, *,
    table: Annotated[dict[str, str], Arg('what becomes of what; capitals do not matter. "" is for an empty value')],
    otherwise: Annotated[
        Literal["hold", "keep", "empty"],
        Arg("a value that is not in the table: the record waits for a person, it stays as it is, or nothing is sent"),
    ] = "hold",
) -> str:  # fmt: skip
    """What the table says. A value that is not in it holds the record, unless you say otherwise; an empty value stays
    empty, unless the table has an entry for it."""
    raw = plain(value)
    wanted = raw.casefold()
    for key, found in table.items():
        if plain(key).casefold() == wanted:
            return found
    if not raw or otherwise == "keep":
        return raw
    if otherwise == "hold":
        notes.append(Hold(NOT_IN_TABLE, f"{quoted(raw)} is not in the table of this row, and is not guessed"))
    return ""


def _longest(given: Given, came: int | None) -> int | None:
    entries = [len(v) for v in given["table"].values()]
    if given["otherwise"] != "keep":
        return max(entries)
    return None if came is None else max(came, *entries)


_NO = {"", "no", "false", "0", "none"}


@transform(eg(True, "true"), eg("no", ""), eg(1, "VIP", on="VIP"), longest=lambda given, came: len(given["on"]))
def flag(value: Any, notes: Notes, *, on: Annotated[str, Arg("the text for a yes", least=1)] = "true") -> str:
    """A yes as text, a no as nothing."""
    return "" if _is_no(value) else on


@transform(
    eg(True, "yes"), eg("FALSE", "no"), eg("", "N", yes="Y", no="N"), says="“{yes}” or “{no}”",
    longest=lambda given, came: max(len(given["yes"]), len(given["no"])),
)  # fmt: skip
def yes_no(
    value: Any, notes: Notes, *,
    yes: Annotated[str, Arg("the text for a yes", least=1)] = "yes",
    no: Annotated[str, Arg("the text for a no, also for an empty value", least=1)] = "no",
) -> str:  # fmt: skip
    """A yes or a no in your own words. No, false, 0, none and nothing are a no; all else is a yes."""
    return no if _is_no(value) else yes


def _is_no(value: Any) -> bool:
    return is_empty(value) or plain(value).casefold() in _NO


#: What a name is chosen from.
NAMED = 7


_FIELDS = ("name", "is_company", "company_name", "first_name", "last_name", "email", "id")


@transform(
    eg(["", True, "Bay Cafe Pty Ltd", "Ann", "Smith", "", "Z2lkOi8v"], "Bay Cafe Pty Ltd", _FIELDS),
    eg(["", False, "", "", "", "ann@example.com", "Z2lkOi8v"], "ann", _FIELDS), gathers=True, fields=NAMED,
)  # fmt: skip
def choose_name(value: Any, notes: Notes) -> str:
    """From [name, is company, company, first, last, email, id]: the record's own name, else the next best thing."""
    given_all = [plain(v) for v in as_list(value)[:NAMED]]
    name, is_company, company, given, family, address, identity = given_all + [""] * (NAMED - len(given_all))
    person = f"{given} {family}".strip()
    named = (person or company) if _is_no(is_company) else (company or person)
    local_part = address.split("@")[0] if "@" in address else ""
    return name or named or local_part or f"Client {identity.rstrip('=')[-6:]}"
