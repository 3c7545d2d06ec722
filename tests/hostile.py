"""What somebody could write to break in, slow down or look around: expressions, templates and patterns, the same ones
every time. Fed to saving and evaluating by tests/syncs/test_hostile_inputs.py, and timed by `make bench`."""

import random
from collections.abc import Callable, Iterator
from typing import Any

from syncs.mapping import MappingError, compile_row
from syncs.rules import RuleError
from syncs.rules.book import check_condition
from syncs.rules.checking import LONGEST
from syncs.rules.values import Facts
from syncs.transforms import CATALOGUE
from tests.strategies import ODD_TEXTS
from tests.syncs.test_hostile_transforms import ATOMS, written
from tests.syncs.test_hostile_transforms import PIECES as TEMPLATE_PIECES
from tests.syncs.test_rules import HEAVY, KINDS, PIECES, WORST, nearly_right

#: It stands in the settings, in the environment and in fields that are not asked about, and may come out of nothing.
CANARY = "c4n4ry-5ecret"
EXPRESSIONS, TEMPLATES, PATTERNS = 6_000, 2_000, 2_000
NAMES = (
    "__class__", "__globals__", "__import__", "__subclasses__", "self", "settings", "SECRET_KEY", "environ", "secret",
    "constructor", "prototype", "request", "os", "globals", "func_globals", "mro", "hidden.canary",
)  # fmt: skip
RECORD = {"a": "x" * 4_000, "b": ["one", "two"], "hidden": {"canary": CANARY}, "secret": CANARY}
CURATED_EXPRESSIONS = (
    *WORST,
    *NAMES,
    *(f"{name} == ''" for name in NAMES),
    *(f"status.{name} == ''" for name in NAMES),
    *(f"field('{name}') == ''" for name in NAMES),
    *(f"tags.all({name}, {name} == 'a')" for name in NAMES),
    "'{}'.format(status) == ''",
    "status.matches('(a+)+$')",
    "status.matches('((((a*)*)*)*)*$')",
    "9" * 999 + " > 1",
    "1e308 * 1e308 > 1.0",
    "1e-400 == 0.0",
    "0x7fffffffffffffff > 1",
    "-9223372036854775808 - 1 < 0",
    "1 % 0 == 1",
    "sta\u202etus == ''",
    "\uff53tatus == ''",
    "s\u0442atus == ''",
    "status == '\x00'",
    "status == '\ud800'",
    "\ufeff",
    "int('9' + string(9223372036854775807)) > 1",
    "double('nan') > 1.0",
    "string(now) != ''",
    "days_ago(999999999) < now",
    "(" * 990 + ")",
    "[" * 990,
    "tags.exists(x, tags.exists(x, x == x))",
    "tags.exists(tags, tags == tags)",
    "\n" * 900,
    "size(" + " + ".join(["tags"] * 40) + ") > 0",
    "+".join(["1"] * 500),
    "true ? " * 140 + "true",
    "lower(lower(lower(",
    "status" + ".contains('a')" * 60,
    "day('0000-00-00') == now",
    "day(string(1e300)) == now",
    "matches(status, '(')",
)
CURATED_TEMPLATES = (
    *(f"{{{{ {name} }}}}" for name in NAMES),
    *(f"{{{{ a.{name} }}}}" for name in NAMES),
    *(f"{{{{ a['{name}'] }}}}" for name in NAMES),
    *(f"{{{{ a | map: '{name}' }}}}" for name in NAMES),
    "{% include '/etc/passwd' %}",
    "{% render 'settings' %}",
    "{% extends 'base' %}",
    "{% block x %}{% endblock %}",
    "{% for i in (1..999999999) %}{{ i }}{% endfor %}",
    "{{ (1..99999999) | size }}",
    "{% tablerow x in a %}{% endtablerow %}",
    "{% assign x = a %}" + "{% assign x = x | append: x %}" * 25 + "{{ x }}",
    "{% capture x %}{{ a }}{% endcapture %}",
    "{{ a" + " | append: a" * 70 + " }}",
    "{% if a %}" * 60 + "{% endif %}" * 60,
    "{{" * 400,
    "{%" * 400,
    "{{ a | slice: -1e400 }}",
    "{% assign a = a %}{% assign self = a %}{{ self }}",
    "{{ 'now' | date: '%Y' }}",
    "{% macro x %}{% call x %}",
    "\x00{{ a }}\x00",
    "{{ '\u202e' | append: a }}",
    "{{ a | split: '' | join: a }}",
    "{{ 99999999999999999999999 }}",
    "{{ a | truncate: 1e9 }}",
    "{% liquid\nassign x = a\necho x %}",
    "{% unless a %}" * 100,
    "{% case a %}" + "{% when 1 %}" * 80 + "{% endcase %}",
    "{{ a." + "b." * 450 + "c }}",
    "{{ a" + "[a" * 300 + "]" * 300 + " }}",
    "{% comment %}" * 60,
    "{{ b | first | remove: b }}",
)
CURATED_PATTERNS = (
    "(a+)+$",
    "((a*)*)*$",
    "(a|a|a)*$",
    "(x+x+)+y",
    "(.*)*(.*)*(.*)*$",
    "a{1000}{1000}",
    "(a{100}){100}",
    "((" * 99,
    "[" * 200,
    "(?:" * 60 + ")" * 60,
    "(?=a)",
    "(?<!b)a",
    "(?(1)a|b)",
    "(?P<__class__>a)",
    "\\p{L}*\\p{L}*$",
    "[\x00-\U0010ffff]*$",
    "\ud800",
    "(?i)" * 50,
    "\\1",
    "\\Q" + "a" * 150,
    "(a?){60}a{60}",
    "\x00+",
    "(?s).*" * 30,
    "|" * 200,
    "(|)*" * 40,
    "^*" * 90,
    "\\C*",
    "[[:alpha:]]*" * 16,
    "(?:(?:a{0,30}){0,30}){0,30}",
    "x*" * 100,
    "\\x{110000}",
    "\\u0041",
    "[z-a]",
    "**",
    "+",
    "?",
    "{,}",
)
type Case = tuple[str, Callable[[str], str]]


def cases() -> Iterator[Case]:
    """(text, what saves and evaluates it): ten thousand, of all three kinds."""
    dice = random.Random(11)  # the same ones every time
    for text in _expressions(dice):
        yield text, expression
    for text in _filled(CURATED_TEMPLATES, TEMPLATES, lambda: written(TEMPLATE_PIECES, 1000, dice)):
        yield text, template
    for text in _filled(CURATED_PATTERNS, PATTERNS, lambda: written(ATOMS, 200, dice)):
        yield text, pattern


def _expressions(dice: random.Random) -> Iterator[str]:
    def made() -> str:
        kind = dice.random()
        if kind < 0.4:
            return nearly_right(dice)
        pieces = [*PIECES, *NAMES]
        return "".join(dice.choices(pieces, k=dice.randint(1, 24 if kind < 0.95 else 300)))[: LONGEST + 5]

    return _filled(CURATED_EXPRESSIONS, EXPRESSIONS, made)


def _filled(curated: tuple[str, ...], number: int, made: Callable[[], str]) -> Iterator[str]:
    yield from curated
    for _ in range(number - len(curated)):
        yield made()


# Saved, then evaluated: what comes out, or what is said where it is refused. Any other error goes through.


def expression(text: str) -> str:
    try:
        found = check_condition({"cel": text}, KINDS)
        facts = Facts({**HEAVY.data, **RECORD}, HEAVY.link, HEAVY.now)
        return f"={found.answer(facts)}"  # type: ignore[union-attr]  # an expression, by its key
    except RuleError as error:
        return str(error)


def template(text: str) -> str:
    return _row({"name": "template", "text": text}, ["a", "b"])


def pattern(text: str) -> str:
    return _row({"name": "extract", "pattern": text}, ["a"])


def _row(step: dict[str, Any], sources: list[str]) -> str:
    kept = {"sources": sources, "target": "name", "transforms": [step], "mode": "always"}
    try:
        compile_row(kept)
    except MappingError as error:
        return str(error)
    entry, arguments = CATALOGUE[step["name"]], {k: v for k, v in step.items() if k != "name"}
    bound = entry.bound(arguments, tuple(sources))
    made = []
    for odd in (RECORD["a"], ODD_TEXTS[len(str(step)) % len(ODD_TEXTS)]):
        notes: list[str] = []
        made.append(str(bound([odd, RECORD["b"]] if len(sources) > 1 else odd, notes)) + " ".join(notes))
    return "=" + "\n".join(made)
