"""Recipes as files: a draft or a version written as readable JSON, and read again with a sentence for each thing wrong.

A file holds rows, rules and options, and no ids, records or secrets. Pure: what is read is only values.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

from connectors.base import storable
from syncs import examples
from syncs.mapping import MODES, OWNERS, MappingError, compile_row
from syncs.recipes import Recipe
from syncs.rules import RuleError
from syncs.rules.book import MOST_RULES, check_condition, compile_rule
from syncs.rules.conditions import Kinds
from syncs.rules.routes import ONLY_SENT

FORMAT = 1
LARGEST = 256 * 1024
DEEPEST, MOST_ROWS = 20, 300
_MARK = "fieldbridge_recipe"
#: What a file says of itself, beside rows, rules and options; all of it is text.
_HEAD = ("recipe", "from", "to", "exported_at", "exported_by", "note")
type Json = dict[str, Any]


class FileError(ValueError):
    """A file that cannot be read. `sentences`: what is wrong, one by one."""

    def __init__(self, *sentences: str) -> None:
        super().__init__(" ".join(sentences))
        self.sentences = sentences


@dataclass(frozen=True, slots=True)
class Part:
    """One entry of a row or a rule: what fits there, in words and as a question; what stands in where it is left out
    (None: it must be there)."""

    words: str
    fits: Callable[[Any], bool]
    otherwise: Any = None


def _text(longest: int, otherwise: str | None = None, least: int = 0) -> Part:
    words = f"a text of {longest:,} characters at most"
    return Part(words, lambda v: isinstance(v, str) and least <= len(v) <= longest, otherwise)


def _one_of(known: frozenset[str], otherwise: str) -> Part:
    return Part(f"one of {', '.join(sorted(known))}", lambda v: isinstance(v, str) and v in known, otherwise)


def _are_paths(found: Any) -> bool:
    return isinstance(found, list) and 0 < len(found) <= 50 and all(
        isinstance(p, str) and 0 < len(p) <= 120 for p in found
    )  # fmt: skip


def _are_steps(found: Any) -> bool:
    return isinstance(found, list) and len(found) <= 50 and all(
        isinstance(s, dict) and isinstance(s.get("name"), str) for s in found
    )  # fmt: skip


def _is_place(found: Any) -> bool:
    return isinstance(found, dict) and all(
        name in {"recipe", "connector", "name"} and isinstance(said, str) and len(said) <= 120
        for name, said in found.items()
    )  # fmt: skip


_STEPS = Part('a list of steps such as {"name": "text"}', _are_steps, [])
#: As a version holds them.
ROW: Mapping[str, Part] = {
    "sources": Part("a list of the fields it reads", _are_paths), "target": _text(120, least=1), "transforms": _STEPS,
    "mode": _one_of(MODES, "always"), "owner": _one_of(OWNERS, "source"), "back": _text(120, ""),
    "back_transforms": _STEPS,
    "examples": Part("a list of pairs", lambda v: isinstance(v, list) and len(v) <= examples.MOST, []),
    "editable": Part("yes or no (true or false)", lambda v: isinstance(v, bool), otherwise=False),
}  # fmt: skip
_CONDITION = Part("a condition", lambda v: isinstance(v, dict))
RULE: Mapping[str, Part] = {
    "name": _text(80, least=1), "condition": _CONDITION, "outcome": _text(10, least=1), "reason": _text(200, ""),
    "role": _text(12, ""), "target": _text(120, ""),
    "value": Part("a text, a number or yes/no", lambda v: isinstance(v, str | int | float) and len(str(v)) <= 500, ""),
    "to": Part("the recipe, connector and name of another sync", _is_place, {}),
}  # fmt: skip


@dataclass(frozen=True)
class Read:
    """What a file says: the draft that it makes, and its own words about itself."""

    content: Json
    head: Mapping[str, str] = field(default_factory=dict)


def write(content: Mapping[str, Any], recipe: Recipe, *, at: str, by: str, note: str = "") -> str:
    """Always the same text for the same content."""
    names = recipe.names
    told = {
        _MARK: FORMAT, "recipe": recipe.slug, "from": f"{names.source} {recipe.source_resource}",
        "to": f"{names.target} {recipe.target_resource}", "exported_at": at, "exported_by": by, "note": note,
        "rows": [_written(row, ROW) for row in content["mappings"]],
        "rules": [_written(rule, RULE) for rule in content.get("rules") or ()],
        "options": dict(sorted(content.get("options", {}).items())),
    }  # fmt: skip
    return json.dumps(told, indent=2, ensure_ascii=False) + "\n"


def _written(found: Mapping[str, Any], parts: Mapping[str, Part]) -> Json:
    """In the order of the parts, without what stands in anyway."""
    return {name: found[name] for name, part in parts.items() if name in found and found[name] != part.otherwise}


def read(body: bytes, recipe: Recipe, kinds: Kinds) -> Read:
    """FileError with a sentence for each thing wrong. `kinds`: what a rule can ask about."""
    told = _json(body)
    _check_head(told, recipe)
    wrong = [f"The file has “{_short(k)}”, which means nothing here." for k in told if k not in _KNOWN]
    rows, rules, options = told.get("rows"), told.get("rules", []), told.get("options", {})
    if not isinstance(rows, list) or len(rows) > MOST_ROWS:
        raise FileError(f"“rows” must be a list of {MOST_ROWS} rows at most.")
    if not isinstance(rules, list) or len(rules) > MOST_RULES:
        raise FileError(f"“rules” must be a list of {MOST_RULES} rules at most.")
    for number, row in enumerate(rows, start=1):
        wrong += _wrong_row(row, f"Row {number}")
    for number, rule in enumerate(rules, start=1):
        wrong += _wrong_rule(rule, f"Rule {number}", kinds)
    wrong += _twice(rows, "target", "rows write") + _twice(rules, "name", "rules are called")
    wrong += _wrong_options(options, recipe)
    if wrong:
        raise FileError(*wrong)
    content = {
        "mappings": [_filled(row, ROW) for row in rows], "rules": [_kept(rule) for rule in rules],
        "options": {**recipe.options, **options},
    }  # fmt: skip
    return Read(content, {name: told.get(name, "") for name in _HEAD})


_KNOWN = {_MARK, *_HEAD, "rows", "rules", "options"}


def _json(body: bytes) -> Json:
    if len(body) > LARGEST:
        raise FileError(f"The file is larger than {LARGEST // 1024} kB, so it is no recipe.")
    try:
        told = json.loads(body.decode("utf-8-sig"), parse_constant=_no_number)
        if storable(told) != told or _odd(told):
            raise FileError("The file holds a character or a number that cannot be kept. Write it without.")
    except (ValueError, RecursionError) as error:
        if isinstance(error, FileError):
            raise
        raise FileError("The file is not JSON. Choose one that was exported here.") from None
    if not isinstance(told, dict) or _MARK not in told:
        raise FileError("The file is no recipe. Choose one that was exported here.")
    return told


def _no_number(name: str) -> None:
    raise FileError(f"The file holds “{name}”, which is no number.")


def _odd(told: Any, depth: int = 0) -> bool:
    """Deeper than any recipe is, or with a number that no database keeps."""
    if isinstance(told, float) and not isfinite(told):
        return True
    if isinstance(told, int) and abs(told) > 10**18:
        return True
    inner = told.values() if isinstance(told, dict) else told if isinstance(told, list) else ()
    return depth > DEEPEST or any(_odd(one, depth + 1) for one in inner)


def _check_head(told: Json, recipe: Recipe) -> None:
    number = told[_MARK]
    if not isinstance(number, int) or isinstance(number, bool) or number < 1:
        raise FileError(f"“{_MARK}” must be the number of the format, such as {FORMAT}.")
    if number > FORMAT:
        raise FileError(f"The file was written by a newer Fieldbridge (format {number}). Upgrade this one to read it.")
    wrong = [f"“{n}” must be a text." for n in _HEAD if not isinstance(told.get(n, ""), str)]
    if wrong:
        raise FileError(*wrong)
    if told.get("recipe") != recipe.slug:
        raise FileError(
            f"The file is for the recipe “{_short(told.get('recipe', ''))}”, and this sync's is “{recipe.slug}”. "
            "Import it into a sync of its own recipe."
        )


def _parts(found: Any, parts: Mapping[str, Part], called: str) -> Iterator[str]:
    if not isinstance(found, dict):
        yield f"{called} is not written as an object with names and values."
        return
    for name in found:
        if name not in parts:
            yield f"{called} has “{_short(name)}”, which means nothing there."
    for name, part in parts.items():
        if name not in found and part.otherwise is None:
            yield f"{called} has no “{name}”."
        elif name in found and not part.fits(found[name]):
            yield f"{called}: “{name}” must be {part.words}."


def _wrong_row(row: Any, called: str) -> list[str]:
    if isinstance(row, dict) and isinstance(row.get("target"), str) and row["target"]:
        called = f"{called} ({_short(row['target'])})"
    found = list(_parts(row, ROW, called))
    if found:
        return found
    try:
        whole = _filled(row, ROW)
        compile_row(whole)
        badly = examples.problem(whole["examples"], len(whole["sources"]))
    except (MappingError, ValueError, TypeError) as error:
        badly = str(error)
    return [f"{called}: {badly.removeprefix(row['target'] + ': ')}"] if badly else []


def _wrong_rule(rule: Any, called: str, kinds: Kinds) -> list[str]:
    if isinstance(rule, dict) and isinstance(rule.get("name"), str) and rule["name"]:
        called = f"{called} (“{_short(rule['name'])}”)"
    found = list(_parts(rule, RULE, called))
    if found:
        return found
    try:
        check_condition(rule["condition"], kinds)
        compile_rule({**rule, "kinds": kinds})
    except (RuleError, ValueError, TypeError) as error:
        return [f"{called}: {str(error).removeprefix(f'Rule “{rule["name"]}”: ')}"]
    return []


def _twice(found: list[Any], name: str, words: str) -> list[str]:
    named = [one[name].casefold() for one in found if isinstance(one, dict) and isinstance(one.get(name), str)]
    return [f"Two {words} “{_short(n)}”. Keep one." for n in dict.fromkeys(named) if named.count(n) > 1]


def _wrong_options(options: Any, recipe: Recipe) -> list[str]:
    if not isinstance(options, dict):
        return ["“options” must be an object with names and values."]
    found = []
    for name, value in options.items():
        if name == ONLY_SENT and isinstance(value, bool):
            continue
        if name not in recipe.options:
            found.append(f"There is no option “{_short(name)}” in this recipe.")
        elif not _is_option(name, value, recipe):
            found.append(f"The option “{name}” cannot be {_short(json.dumps(value, ensure_ascii=False))}.")
    return found


def _is_option(name: str, value: Any, recipe: Recipe) -> bool:
    if name in recipe.option_choices:
        return isinstance(value, str) and value in dict(recipe.option_choices[name])
    if name in recipe.tables:
        keys, choices = dict(recipe.tables[name].keys), dict(recipe.tables[name].choices)
        return isinstance(value, dict) and all(
            k in keys and isinstance(v, str) and v in choices for k, v in value.items()
        )  # fmt: skip
    return type(value) is type(recipe.options[name])


def _filled(found: Json, parts: Mapping[str, Part]) -> Json:
    return {name: found.get(name, part.otherwise) for name, part in parts.items()}


def _kept(rule: Json) -> Json:
    """As the draft holds it: what its outcome does not need is left out."""
    return {
        name: value for name, value in rule.items() if name in {"name", "outcome", "condition"} or value not in ("", {})
    } | {"reason": rule.get("reason", "")}


def _short(words: Any) -> str:
    said = str(words)
    return f"{said[:40]}…" if len(said) > 41 else said
