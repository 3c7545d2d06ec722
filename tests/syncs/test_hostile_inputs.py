"""Ten thousand hostile expressions, templates and patterns, saved and evaluated: only declared errors, in words; no
secret in anything that comes out; and no more work than the limits allow. How long they take is measured by
`make bench`: a busy machine must not fail a right answer."""

from collections import Counter
from typing import Any

import pytest

from syncs.rules import RuleError
from syncs.rules.checking import LONGEST, MOST_MACROS, MOST_PATTERNS, MOST_SUMS, Reader
from syncs.transforms import patterns
from syncs.transforms.values import LONGEST as LONGEST_VALUE
from tests import hostile
from tests.hostile import CANARY, NAMES
from tests.syncs.test_rules import KINDS

LEAKS = ("<class", "<function", "<module", "object at 0x", "Traceback", "/site-packages/", "root:x:0")


def test_ten_thousand_hostile_inputs_do_no_harm(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.SECRET_KEY = settings.CANARY = CANARY
    for name in ("SECRET_KEY", "CANARY", "PATH_TO_NOTHING"):
        monkeypatch.setenv(name, CANARY)
    worked: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    for text, tried in hostile.cases():
        said = tried(text)
        assert said, text
        assert CANARY not in said, text
        assert not any(leak in said for leak in LEAKS), text
        kind = tried.__name__
        (worked if said.startswith("=") else refused)[kind] += 1
        assert len(said) <= (2 * LONGEST_VALUE + 500 if said.startswith("=") else 500), text
        if said.startswith("="):
            assert within_limits(kind, text), text
    assert sum(worked.values()) + sum(refused.values()) == 10_000
    assert all(worked[kind] > 200 and refused[kind] > 200 for kind in ("expression", "template", "pattern")), worked


def within_limits(kind: str, text: str) -> bool:
    if kind == "pattern":
        return bool(patterns.compiled(text).programsize <= patterns._STEPS)
    if kind == "template":
        return len(text) <= 1_000
    read = Reader(text.strip(), KINDS)
    read.read()
    sums = sum(token.text == "+" for token in read.tokens)
    return len(text.strip()) <= LONGEST and read.macros <= MOST_MACROS and read.patterns <= MOST_PATTERNS and (
        sums <= MOST_SUMS
    )  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_no_name_of_python_or_of_another_field_says_anything(name: str) -> None:
    assert hostile.expression(f"{name} == '{CANARY}'").startswith("There is no")
    for text in (f"<{{{{ {name} }}}}>", f"<{{{{ a.{name} }}}}>"):
        said = hostile.template(text)
        assert said.startswith(("=<>", "name:")), said


def test_adding_up_lists_is_bounded() -> None:
    """Each sum makes the list anew, so that many of them take the square of their number."""
    many = " + ".join(["tags"] * (MOST_SUMS + 2))
    with pytest.raises(RuleError, match="can add up 40 times at most"):
        Reader(f"size({many}) > 0", KINDS).read()
