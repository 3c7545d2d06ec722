"""The catalogue of transforms: what each says of itself is true, and arguments that make no sense are refused."""

import inspect
import json
from typing import Any

import pytest

from syncs.mapping import MappingError, compile_row
from syncs.transforms import CATALOGUE, GATHERING, TRANSFORMS, Entry, Example, by_theme

EXAMPLES = [(entry, example) for entry in CATALOGUE.values() for example in entry.examples]


def compiled(name: str, *sources: str, **arguments: Any) -> Any:
    step = {"name": name, **arguments}
    return compile_row({"sources": list(sources or ["a"]), "target": "t", "transforms": [step], "mode": "always"})


@pytest.mark.parametrize(("entry", "example"), EXAMPLES, ids=lambda one: getattr(one, "name", ""))
def test_every_example_is_true(entry: Entry, example: Example) -> None:
    assert entry.run(example) == example.result
    assert json.loads(json.dumps([example.value, example.result, dict(example.arguments)]))


@pytest.mark.parametrize("entry", CATALOGUE.values(), ids=lambda entry: entry.name)
def test_every_transform_is_told_of(entry: Entry) -> None:
    assert 1 <= len(entry.examples) <= 3
    assert len(entry.help) > 20
    assert entry.help.endswith(".")
    assert all(argument.help for argument in entry.arguments)
    keywords = {p.name for p in inspect.signature(entry.function).parameters.values() if p.kind == p.KEYWORD_ONLY}
    assert {a.name for a in entry.arguments} == keywords - {"paths"}
    for argument in entry.arguments:
        assert argument.needed or argument.problem(argument.default) == ""


def test_themes_hold_every_transform_once() -> None:
    listed = [entry.name for entries in by_theme().values() for entry in entries]
    assert sorted(listed) == sorted(CATALOGUE) == sorted(TRANSFORMS)
    assert {name for name in CATALOGUE if CATALOGUE[name].gathers} == GATHERING


def test_names_that_are_published_stay() -> None:
    """With the arguments that recipes and versions hold."""
    for name, arguments in {
        "first": {}, "join": {"separator": " "}, "text": {}, "cut": {"length": 5000}, "email": {}, "utc_time": {},
        "phone": {"region": "AU", "style": "e164", "longest": 20}, "country": {"default": "AU"}, "state_au": {},
        "join_list": {"separator": ", ", "longest": 500}, "flag": {"on": "true"},
    }.items():  # fmt: skip
        assert CATALOGUE[name].bound(arguments, ("a",))


TOO_LONG = "x" * 1001


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("case", {"to": "loud"}, "needs “to” to be one of “upper”, “lower”, “title”, “sentence”, and has “loud”"),
        ("case", {"to": ["upper"]}, "needs “to” to be one of"),
        ("case", {}, "needs “to”: one of “upper”"),
        ("cut", {"length": True}, "a whole number from 4 to 100,000, and has “True”"),
        ("cut", {"length": 9.5}, "a whole number"),
        ("cut", {"length": 10**9}, "from 4 to 100,000, and has “1000000000”"),
        ("cut", {"size": 9}, "has no argument “size”. It takes “length”"),
        ("trim", {"characters": "x" * 51}, "needs “characters” to be a text of 0 to 50 characters"),
        ("split", {"at": ""}, "a text of 1 to 50 characters"),
        ("split", {"at": ",", "part": "2"}, "needs “part” to be a whole number"),
        ("email", {"lower": "yes"}, "needs “lower” to be true or false"),
        ("scale", {"by": "100"}, "needs “by” to be a number"),
        ("scale", {"by": 10**7}, "from -1,000,000 to 1,000,000"),
        ("lookup", {"table": {}}, "a table like"),
        ("lookup", {"table": [["a", "b"]]}, "a table like"),
        ("lookup", {"table": {"a": 1}}, "a table like"),
        ("lookup", {"table": {"a": "x" * 501}}, "a table like"),
        ("lookup", {"table": {str(n): "" for n in range(501)}}, "of 1 to 500 entries"),
        ("lookup", {"table": {"a": "b"}, "otherwise": "guess"}, "one of “hold”, “keep”, “empty”"),
        ("extract", {"pattern": "("}, "cannot use its “pattern”: missing \\)"),
        ("extract", {"pattern": "(?=a)"}, "without look-around"),
        ("extract", {"pattern": "a" * 201}, "a text of 1 to 200 characters, and has a text of 201 characters"),
        ("extract", {"pattern": "((a{100}){100}){100}"}, "cannot use its “pattern”"),
        ("extract", {"pattern": ".{1,1000}.{1,1000}"}, "it repeats too much"),
        ("extract", {"pattern": "\ud800"}, "half a character"),
        ("template", {"text": "{{ a "}, "not written as Liquid wants it"),
        ("template", {"text": f"{{{{ a{'[a' * 101}{']' * 101} }}}}"}, "more than 100 square brackets"),
        ("template", {"text": "{% for i in (1..9) %}x{% endfor %}"}, "not written as Liquid wants it"),
        ("template", {"text": "{% include 'a' %}"}, "not written as Liquid wants it"),
        ("template", {"text": "{{ a | date: '%Y' }}"}, "there is no “date” here"),
        ("template", {"text": "{% if a %}{{ a | nope }}{% endif %}"}, "there is no “nope” here"),
        ("template", {"text": "{{ b }}"}, "reads “b”, which it does not get: only “value”, “a”"),
        ("template", {"text": TOO_LONG}, "a text of 1 to 1,000 characters"),
        ("date", {"format": "%Q"}, "“%Q” means nothing"),
        ("date", {"format": "100%"}, "means nothing"),
        ("date", {"zone": "Mars/Olympus"}, "there is no such time zone"),
        ("date", {"zone": "../etc/passwd"}, "there is no such time zone"),
        ("date", {"order": "year first"}, "one of “day first”, “month first”"),
        ("money", {"currency": "A$D"}, "a currency is three letters"),
        ("phone", {"region": "au"}, "two capital letters"),
        ("abn", {"style": "loud"}, "one of “spaced”, “digits”"),
    ],
)  # fmt: skip
def test_arguments_that_make_no_sense_are_refused_in_words(name: str, arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(MappingError, match=words) as found:
        compiled(name, **arguments)
    assert str(found.value).startswith(f"t: “{name}” ")
    assert len(str(found.value)) < 400


def test_a_template_reads_the_fields_of_its_row_by_their_paths() -> None:
    row = compiled(
        "template", "billing.city", "custom.gate code", text='{{ billing.city }}/{{ custom["gate code"] }}/{{ value }}'
    )  # fmt: skip
    assert row.steps[0](["Perth", 4411], []) == "Perth/4411/Perth, 4411"


def test_a_template_further_on_reads_what_the_step_before_has_made() -> None:
    steps = [{"name": "case", "to": "upper"}, {"name": "template", "text": "<{{ value }}>"}]
    row = compile_row({"sources": ["a"], "target": "t", "transforms": steps, "mode": "always"})
    assert row.steps[1](row.steps[0]("ann", []), []) == "<ANN>"
    steps[1]["text"] = "<{{ a }}>"
    with pytest.raises(MappingError, match="reads “a”, which it does not get: only “value”"):
        compile_row({"sources": ["a"], "target": "t", "transforms": steps, "mode": "always"})
