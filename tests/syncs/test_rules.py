"""What a rule asks: the same answer from a group of conditions and from its expression, and never an error."""

import random
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncs.rules import RuleError
from syncs.rules.book import check_condition, compile_rule, compile_rules
from syncs.rules.conditions import compile_tree
from syncs.rules.expressions import compile_expression
from syncs.rules.operators import BY_KIND
from syncs.rules.values import LINK_FIELDS, Facts, Kind, number, shown

SYDNEY = ZoneInfo("Australia/Sydney")
NOW = datetime(2026, 11, 24, 9, 30, tzinfo=SYDNEY)
KINDS = {
    "status": Kind.TEXT, "billing_address.city": Kind.TEXT, "custom.*": Kind.TEXT, "total": Kind.MONEY,
    "tax_rate.percent": Kind.NUMBER, "is_lead": Kind.YES_NO, "due_on": Kind.DATE, "tags": Kind.LIST, "in": Kind.TEXT,
}  # fmt: skip
PATHS = [*(p for p in KINDS if p != "custom.*"), "custom.gate_code", "custom.2nd_phone", *LINK_FIELDS]
LINK = {"link.is_new": True, "link.has_counterpart": False, "link.ended": False}


def facts(**data: Any) -> Facts:
    return Facts({path.replace("__", "."): value for path, value in data.items()}, LINK, NOW)


def asks(field: str, operator: str, value: Any = None) -> dict[str, Any]:
    return {"field": field, "operator": operator, "value": value}


def holds(tree: Any, record: Facts) -> bool:
    """By the tree and by its expression, which must agree."""
    found = compile_tree(tree if set(tree) & {"all", "any", "not"} else {"all": [tree]}, KINDS)
    answer = compile_expression(found.cel(), KINDS, longest=10**6).answer(record)
    assert answer is found.holds(record), found.cel()
    return bool(answer)


@pytest.mark.parametrize(
    ("condition", "data", "expected"),
    [
        (asks("status", "is", "Paid"), {"status": "paid"}, True),
        (asks("status", "is_not", "paid"), {}, True),
        (asks("status", "contains", "ST"), {"status": "past due"}, True),
        (asks("status", "begins", "st"), {"status": "past due"}, False),
        (asks("status", "one_of", "paid, Bad debt"), {"status": "bad debt"}, True),
        (asks("status", "empty"), {"status": "  "}, True),
        (asks("status", "is", "4"), {"status": 4}, True),
        (asks("total", "gt", "5,000"), {"total": "5000.00"}, False),
        (asks("total", "ge", "$5,000"), {"total": "5000.00"}, True),
        (asks("total", "eq", "0.3"), {"total": "0.30"}, True),
        (asks("total", "gt", "49.90"), {"total": 5000, "currency": "aud"}, True),  # minor units: $50.00
        (asks("total", "gt", "49.90"), {"total": 5000, "currency": "JPY"}, True),
        (asks("total", "lt", "60"), {"total": 5000, "currency": "aud"}, True),
        (asks("total", "lt", "60"), {"total": "a lot"}, False),
        ({"not": [asks("total", "lt", "60")]}, {"total": "a lot"}, True),
        (asks("total", "empty"), {}, True),
        (asks("tax_rate.percent", "le", "10"), {"tax_rate__percent": "10.0"}, True),
        (asks("is_lead", "yes"), {"is_lead": True}, True),
        (asks("is_lead", "no"), {}, True),
        (asks("is_lead", "no"), {"is_lead": "perhaps"}, False),
        (asks("link.is_new", "yes"), {}, True),
        (asks("due_on", "before", "2026-11-24"), {"due_on": "2026-11-23T12:59:59Z"}, True),
        (asks("due_on", "before", "2026-11-24"), {"due_on": "2026-11-23T13:00:00Z"}, False),  # the day begins there
        (asks("due_on", "from", "2026-11-24"), {"due_on": "2026-11-24"}, True),
        (asks("due_on", "last_days", "7"), {"due_on": "2026-11-17"}, True),
        (asks("due_on", "last_days", "7"), {"due_on": "2026-11-16"}, False),
        (asks("due_on", "last_days", "7"), {"due_on": "2026-11-25"}, False),
        (asks("due_on", "last_days", "3650"), {"due_on": 1763900000}, True),
        (asks("tags", "contains", "vip"), {"tags": ["Garden", "VIP"]}, True),
        (asks("tags", "any_of", "pool, vip"), {"tags": ["Garden"]}, False),
        (asks("tags", "contains", "tap"), {"tags": [{"name": "Tap", "total": "5"}]}, True),
        (asks("tags", "empty"), {"tags": []}, True),
        (asks("custom.2nd_phone", "empty"), {}, True),
        (asks("in", "is", 'a "quoted" \\ one'), {"in": 'A "quoted" \\ one'}, True),
    ],
)
def test_each_question_has_its_answer(condition: Any, data: dict[str, Any], expected: bool) -> None:
    assert holds(condition, facts(**data)) is expected


@pytest.mark.parametrize(
    ("tree", "words"),
    [
        ({}, "Conditions stand in a group"),
        ({"all": []}, "at least one condition"),
        ({"some": [asks("status", "empty")]}, "Conditions stand in a group"),
        ({"all": [asks("shoe_size", "is", "9")]}, "There is no field “shoe_size”"),
        ({"all": [asks("custom.", "is", "9")]}, "There is no field “custom.”"),
        ({"all": [asks("status", "gt", "9")]}, "status: this field is of the kind “text”, so one can ask “is”, "),
        ({"all": [asks("total", "contains", "9")]}, "total: this field is of the kind “amount”, so one can ask “=”"),
        ({"all": [asks("total", "gt", "lots")]}, "total: “lots” is not a number. Write it as 5,000 or 49.90."),
        ({"all": [asks("total", "gt", "1e400")]}, "is not a number"),
        ({"all": [asks("status", "is", " ")]}, "status: Say what to compare it with."),
        ({"all": [asks("status", "one_of", ", ,")]}, "Say what it can be, with commas between"),
        ({"all": [asks("due_on", "before", "24/11/2026")]}, "“24/11/2026” is not a date. Write it as 2026-01-31."),
        ({"all": [asks("due_on", "last_days", "-1")]}, "Say a number of days from 1 to 3,650."),
        ({"all": [asks("status", "empty")] * 51}, "50 conditions at most"),
        ({"all": [{"any": [asks("status", "empty")] * 30}, {"any": [asks("status", "empty")] * 30}]}, "50 conditions"),
        ({"not": [{"not": [{"not": [{"not": [{"not": [{"not": [asks("in", "empty")]}]}]}]}]}]}, "5 deep at most"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_words(tree: Any, words: str) -> None:
    with pytest.raises(RuleError) as refused:
        check_condition(tree, KINDS)
    assert words in str(refused.value)


# The two ways to write a condition are equal

ANYTHING = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20), st.sampled_from(["", "Paid", "5000"]),
    st.decimals(allow_nan=False, allow_infinity=False, places=2).map(str), st.datetimes().map(datetime.isoformat),
    st.lists(st.one_of(st.text(max_size=5), st.integers(), st.just({"name": "Tap"}), st.none()), max_size=4),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)  # fmt: skip
ARGUMENTS = {
    "a number": st.decimals(-(10**9), 10**9, allow_nan=False, places=2).map(str),
    "a date": st.dates(datetime(1950, 1, 1).date(), datetime(2100, 1, 1).date()).map(str),
    "a number of days": st.integers(1, 3650).map(str),
    "text": st.text(min_size=1, max_size=12),
    "words, with commas between": st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=4),
    "": st.none(),
}


@st.composite
def conditions(draw: st.DrawFn) -> dict[str, Any]:
    path = draw(st.sampled_from(PATHS))
    kind = Kind.YES_NO if path in LINK_FIELDS else KINDS.get(path, Kind.TEXT)
    name = draw(st.sampled_from(sorted(BY_KIND[kind])))
    return asks(path, name, draw(ARGUMENTS[BY_KIND[kind][name].takes]))


TREES = st.recursive(
    conditions(), lambda inner: st.builds(lambda how, parts: {how: parts}, st.sampled_from(["all", "any", "not"]),
                                          st.lists(inner, min_size=1, max_size=3)), max_leaves=8,
)  # fmt: skip
RECORDS = st.fixed_dictionaries({}, optional=dict.fromkeys([p for p in PATHS if p not in LINK_FIELDS], ANYTHING))


@settings(max_examples=400, deadline=None)
@given(tree=TREES, data=RECORDS)
def test_a_group_and_its_expression_agree(tree: dict[str, Any], data: dict[str, Any]) -> None:
    try:
        compile_tree(tree if "field" not in tree else {"all": [tree]}, KINDS)
    except RuleError:
        return  # a text of blanks only, say
    holds(tree, Facts(data, LINK, NOW))


@settings(max_examples=200, deadline=None)
@given(data=RECORDS, condition=conditions())
def test_no_record_makes_a_rule_fail(data: dict[str, Any], condition: dict[str, Any]) -> None:
    row = {"name": "A", "condition": {"all": [condition]}, "outcome": "skip", "reason": "so", "kinds": KINDS}
    try:
        rule = compile_rule(row)
    except RuleError:
        return
    record = Facts(data, LINK, NOW)
    assert rule.judge(record)[0] in {True, False}
    assert isinstance(rule.found(record), str)


def test_what_cannot_be_compared_is_no_and_noted() -> None:
    row = {"name": "A", "outcome": "skip", "reason": "so", "kinds": {"total": "amount"}}
    by_rows = compile_rule({**row, "condition": {"all": [asks("total", "gt", "5")]}})
    by_words = compile_rule({**row, "condition": {"cel": "total > 5"}})
    for rule in (by_rows, by_words):
        assert rule.judge(facts(total="lots")) == (False, "total cannot be compared")
        assert rule.judge(facts(total="6")) == (True, "")
    assert by_words.judge(facts()) == (False, "what it compares is not there, or not of one kind")


# Expressions


@pytest.mark.parametrize(
    ("text", "data", "expected"),
    [
        ("total > 5000", {"total": "5000.01"}, True),
        ("is_lead || tags.exists(tag, lower(tag) == 'vip')", {"tags": ["VIP"]}, True),
        ("tags.filter(tag, tag != 'a').size() == 1 && !is_lead", {"tags": ["a", "b"]}, True),
        ("billing_address.city.startsWith('Syd') && custom.gate_code.matches('^[0-9]+$')",
         {"billing_address__city": "Sydney", "custom__gate_code": "12"}, True),
        ("due_on < days_ago(30)", {"due_on": "2026-01-31"}, True),
        ("due_on >= day('2026-01-31') && due_on < now", {"due_on": "2026-01-31"}, True),
        ("total / tax_rate.percent > 2", {"total": "30", "tax_rate__percent": "10"}, True),
        ("link.is_new ? status == 'paid' : false", {"status": "paid"}, True),
    ],
)  # fmt: skip
def test_expressions_answer(text: str, data: dict[str, Any], expected: bool) -> None:
    found = check_condition({"cel": text}, KINDS)
    assert found.answer(facts(**data)) is expected  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "An expression has 1 to 1,000 characters."),
        ("true" + " " * 990 + "|| true", "An expression has 1 to 1,000 characters."),
        ("totl > 5", "There is no field “totl” to ask about."),
        ("true || billing_address.town == 'x'", "There is no field “billing_address.town” to ask about."),
        ("total", "The expression has to come to yes or no, such as total > 5000."),
        ("total > 'five'", "does not work on a record: what it compares is not there, or not of one kind."),
        ("total >", "The expression cannot be read at character 8 of line 1."),
        ("status['a'] == 'b'", "Name a field with a point"),
        ("{'a': 1} == {}", "“{” at character 1 does not belong"),
        ("true // total", "An expression has no comments."),
        ("tags.exists(a, status.exists(b, a == b))", "not inside another of its kind"),
        ("[1, 2].exists(a, a == 1)", "can look through a field that is a list"),
        ("tags.exists(total, total == 'a')", "There is no field “total.x”"),
        ("tags.exists(a, " + "a == 'b' || " * 12 + "true)", "with 100 characters between the brackets"),
        (" || ".join(["tags.all(a, a == 'b')"] * 6), "can be used 5 times"),
        ("tags.exists(a, a.matches('b'))", "A pattern cannot stand inside exists"),
        ("status.matches('(a{99}){99}')", "without {} there"),
        ("status.matches(custom.gate_code)", "with a text between the brackets"),
        ("status.matches('(')", "does not work on a record"),
        ("evil(status)", "There is no function “evil” here."),
        ("status.format(total)", "There is no function “format” here."),
        ("(" * 21 + "true" + ")" * 21, "20 deep at most"),
        ("tags.exists(", "A bracket is open at the end."),
        ("field('nothing') == ''", "There is no field “nothing” to ask about."),
        ("field(status) == ''", "with a text between the brackets"),
        ("tags.filter(a, true).b == 1", "can stand behind the name of a field only"),
        ("tags.map(a, a) == []", "There is no function “map” here."),
        ("tags.exists(a, a in tags)", "tags: a list cannot be gone through for each entry of another."),
        ("a.exists(b, true)", "There is no field “a” to ask about."),
    ],
)
def test_what_an_expression_may_not_be(text: str, words: str) -> None:
    if text.startswith("tags.exists(total"):
        text, words = "tags.exists(total, total.x == 'a')", "There is no field “total.x” to ask about."
    with pytest.raises(RuleError) as refused:
        check_condition({"cel": text}, KINDS)
    assert words in str(refused.value)


PIECES = [
    "total", "tags", "status", "billing_address.city", "is_lead", "due_on", "now", "nope", "true", "null", "1", "0.5",
    "9223372036854775807", "'a'", '"b"', "''", "\\", "'", '"', "(", ")", "[", "]", "{", "}", ",", ".", "?", ":", "!",
    "-", "+", "*", "/", "%", "<", ">=", "==", "!=", "&&", "||", " in ", " ", "\n", ".size()", "size(", "lower(",
    "day('2026-01-31')", "days_ago(30)", ".exists(x, ", ".all(x, ", ".map(x, ", ".filter(x, ", "x", ".contains('a')",
    ".matches('^(a|b)*$')", ".matches('", "field('tags')", "string(", "int(", "double(", "é", "\x00", "\ud800", "`",
    "b'a'", "r'a'", "optional.of(", "has(", "timestamp(", "duration('9h')", "1/0", "tags == tags", "status + status",
]  # fmt: skip
HEAVY = Facts(
    {"tags": [f"entry number {n}" for n in range(500)], "status": "a" * 100_000, "total": "1.5", "due_on": "2026-01-31",
     "billing_address.city": "b" * 5000}, LINK, NOW,
)  # fmt: skip
WORST = [
    " && ".join(["tags == tags"] * 60),
    " && ".join(["tags.all(x, x in " + str(["entry"] * 9) + ")"] * 5),
    " && ".join(["tags.all(x, " + " + ".join(["status"] * 10) + " != 'a')"] * 5),
    " + ".join(["status"] * 110) + " == 'a'",
    " || ".join(["status.matches('(\\\\\\\\w+|\\\\\\\\d+|\\\\\\\\s+|a*|b*|c*)*(x+x+)+y$')"] * 3),
    "status.contains('b') || " * 40 + "false",
    "lower(status) == 'b' || " * 40 + "false",
    "!" * 900 + "is_lead",
    "-" * 900 + "total > 1.0",
    "is_lead" + " ? is_lead : is_lead" * 45,
    "[" * 20 + "1" + "]" * 20 + " == []",
    " + ".join(["1"] * 240) + " > 1",
    "size(" + " + ".join(["tags"] * 130) + ") > 0",
    " && ".join(["tags.filter(x, lower(x) != lower(status)).size() > 0"] * 5),
]


LEAVES = [
    "total > 5", "tags.exists(x, x == 'a')", "status.contains('a')", "is_lead", "'b' in tags", "due_on < days_ago(3)",
    "lower(status) == 'a'", "tags == tags", "status.matches('^a+$')", "field('custom.2nd') == ''", "link.is_new",
    "(total / total == 1.0)", "due_on > day('2026-01-31')", "size(tags) > 2", "string(total) != status",
]  # fmt: skip


def nearly_right(chance: random.Random) -> str:
    """An expression that works, with up to two characters that do not belong."""
    parts = [chance.choice(["", "!"]) + chance.choice(LEAVES) for _ in range(chance.randint(1, 12))]
    text = "".join(f"{part}{chance.choice([' && ', ' || '])}" for part in parts[:-1]) + parts[-1]
    for _ in range(chance.randint(0, 2)):
        at = chance.randrange(len(text))
        text = text[:at] + chance.choice(["", *PIECES]) + text[at + 1 :]
    return text


# Rules in a version


def test_a_rule_says_what_it_lacks() -> None:
    row = {"name": "A", "condition": {"all": [asks("status", "empty")]}, "kinds": {"status": "text"}}
    for more, words in [
        ({}, "Rule “A”: Say what it does"),
        ({"outcome": "skip"}, "Rule “A”: Say why these are left out"),
        ({"outcome": "hold", "role": "support"}, "Rule “A”: Say who may decide"),
        ({"outcome": "set"}, "Rule “A”: Say which field it sets."),
        ({"name": " "}, "A rule needs a name."),
    ]:
        with pytest.raises(RuleError, match=words):
            compile_rule({**row, **more})
    skip = {**row, "outcome": "skip", "reason": "so"}
    with pytest.raises(RuleError, match="Two rules are called “A”"):
        compile_rules([skip, skip])


def test_numbers_of_records_are_bounded() -> None:
    assert number("1" * 400) is None
    assert number("1e999999999") is None
    assert number("NaN") is None
    assert number(10**5000) is None
    assert number(" 5.50 ") == Decimal("5.5")
    assert shown(Decimal("6200.00")) == "6,200.00"
    assert shown(datetime(2026, 1, 31, tzinfo=UTC)) == "2026-01-31"
