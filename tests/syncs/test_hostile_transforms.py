"""Whatever a record holds or a person writes into a template or a pattern: no crash, no leak, no endless text."""

import random
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncs.transforms import CATALOGUE, Entry
from syncs.transforms.values import LONGEST
from tests.strategies import ODD_TEXTS, values

STEPS = [(entry, example.arguments) for entry in CATALOGUE.values() for example in entry.examples]
#: Texts that are long, deep or of many parts.
LARGE: tuple[Any, ...] = (
    "x" * 300_000, "a," * 100_000, "🛠️" * 50_000, "((((" * 20_000, ["tag"] * 20_000, [["x" * 50_000]] * 4,
    {"a": "x" * 200_000}, 10**4000, -(10**300), 1e308, "9" * 5_000,
)  # fmt: skip


def run(entry: Entry, arguments: Any, value: Any) -> tuple[Any, list[str]]:
    notes: list[str] = []
    paths = ("a", "b", "c", "d", "e", "f", "g")[: entry.fields or 0]
    if entry.reads_paths:
        paths = ("first_name", "last_name", "company", "contact")
    return entry.bound(arguments, paths)(value, notes), notes


def fits(made: Any, value: Any, entry: Entry) -> bool:
    if entry.name in {"first", "default"} and not isinstance(made, str):
        return True  # as it came
    return isinstance(made, str) and (len(made) <= LONGEST or made == value)


@given(st.sampled_from(STEPS), values)
def test_no_transform_raises_and_each_repeats_itself(step: tuple[Entry, Any], value: Any) -> None:
    entry, arguments = step
    made, notes = run(entry, arguments, value)
    assert run(entry, arguments, value) == (made, notes)
    assert fits(made, value, entry)
    assert all(len(note) < 300 for note in notes)


@given(st.sampled_from([step for step in STEPS if step[0].gathers]), st.lists(values, max_size=8))
def test_those_that_gather_take_any_number_of_sources(step: tuple[Entry, Any], sources: list[Any]) -> None:
    made, _ = run(*step, sources)
    assert fits(made, sources, step[0])
    assert step[0].name != "choose_name" or made.strip()


@pytest.mark.parametrize(("entry", "arguments"), STEPS, ids=lambda one: getattr(one, "name", ""))
def test_large_values_take_no_time_and_make_nothing_endless(entry: Entry, arguments: Any) -> None:
    for value in LARGE:
        began = time.perf_counter()
        made, _ = run(entry, arguments, value)
        assert time.perf_counter() - began < 2
        assert fits(made, value, entry)


# What people write

PIECES = (
    "{{ a }}", "{{ value }}", "{{ a.b.c }}", "{{ a.__class__ }}", "{{ value.__class__.__mro__[1].__subclasses__ }}",
    "{{ a | upcase | append: a | prepend: value }}", "{% assign a = a | append: a %}", "{% if a %}", "{% endif %}",
    "{% for i in (1..999999999) %}", "{% endfor %}", "{{ (1..999999999) }}", "{{ 'x' | slice: 0, 99999999999 }}",
    "{% assign r = (1..99999999) %}{{ r | size }}{{ r | last }}", "{% raw %}", "{% capture x %}", "{% increment a %}",
    "{% include 'settings' %}", "{% render a %}", "{% liquid\n echo a %}", "{% comment %}", "{% case a %}{% when 1 %}",
    "{{ a | truncate: 999999999, a }}", "{{ a | split: '' | first }}", "{{ a | map: '__globals__' }}", "{{", "}}", "{%",
    "%}", "|", "'", '"', "(", ")", "[", "]", "..", "\x00", "\ud800", "🛠️", "{{ 'now' | date: '%s' }}", "{% # x %}",
    "{{ a | remove: '' | remove_first: a }}", "{{ a | default: b, allow_false: true }}", "{%- endif -%}",
    "{{ settings.SECRET_KEY }}", "{{ self }}", "{% cycle a %}", "{% tablerow i in a %}", "{{ a[a][a] }}",
    "{{ -9 | abs | times: 9 }}",
)  # fmt: skip
ATOMS = (
    "a", ".", "\\d", "\\w+", "(a+)+$", "(a|a)*", "(", ")", "[", "]", "{9}", "{99,}", "{1,1000}", "*", "+?", "^", "$",
    "(?i)", "(?=x)", "(?P<n>x)", "\\1", "\\p{Greek}", "[^\\x00]", "|", "\x00", "\ud800", "🛠️", "(?:", "\\C", "\\z", "((",
    "\\",
)  # fmt: skip
TEXTS = (*ODD_TEXTS, "a" * 5_000 + "!", "x=" * 20_000)


def written(pieces: tuple[str, ...], most: int, dice: random.Random) -> str:
    return "".join(dice.choice(pieces) for _ in range(dice.randint(1, 8)))[:most]


def test_a_template_that_would_double_for_ever_is_stopped() -> None:
    notes: list[str] = []
    text = "{% assign x = value %}" + "{% assign x = x | append: x %}" * 30 + "{{ x }}"
    assert CATALOGUE["template"].bound({"text": text}, ("a",))("x" * 5_000, notes) == ""
    assert notes == ["could not be put together by its template, so it was not sent"]


def test_a_template_sees_nothing_of_python() -> None:
    for text in ("{{ value.__class__ }}", "{{ a.real }}", "{{ a.format }}", "{{ a.__len__ }}", "{{ value.mro }}"):
        assert CATALOGUE["template"].bound({"text": f"<{text}>"}, ("a",))("Ann", []) == "<>"


def test_a_text_that_is_too_long_to_search_is_not_half_searched() -> None:
    notes: list[str] = []
    assert CATALOGUE["extract"].bound({"pattern": "^a+$"}, ())("a" * 50_000 + "!", notes) == ""
    assert notes == ["is 50,001 characters long, too long to look for a pattern in, so it was not sent"]


def test_a_pattern_that_explodes_elsewhere_is_quick() -> None:
    began = time.perf_counter()
    assert CATALOGUE["extract"].bound({"pattern": "^(a+)+$"}, ())("a" * 9_999 + "!", []) == ""
    assert time.perf_counter() - began < 1
