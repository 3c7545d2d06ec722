"""Values for property tests: what people and services put into fields, at its worst."""

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st

# The same cases on every machine, and no time limit: a busy one must not fail a right answer.
settings.register_profile("fieldbridge", deadline=None, derandomize=True, database=None, max_examples=150)
settings.load_profile("fieldbridge")

ODD_TEXTS = (
    "", " ", "  two  spaces ", "a\tb\nc", "N" * 5000, "👩‍👩‍👧‍👦 Family 🛠️", "=cmd|'/c calc'!A0",
    "<script>alert(1)</script>", "مرحبا بالعالم", "\u202eevil", "nul\x00inside", "lone \ud800 surrogate", "e\x00\u0301",
    "Zoe\u0308", "O'Brien & Söhne",
    "a, b, A ,b", "0800", "jane@EXAMPLE.com", " Jane@Example.COM ", "no at sign", "a@b@c", "0412 345 678",
    "02 9123 4567 ext 12", "Australia", "Narnia", "new south wales", "2026-02-30", "2026-02-03T04:05:06Z",
)  # fmt: skip
#: Every code point, lone surrogates too.
texts = st.one_of(st.sampled_from(ODD_TEXTS), st.text(st.characters(exclude_categories=()), max_size=60))
scalars = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), texts)
values: st.SearchStrategy[Any] = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(texts, inner, max_size=3)),
    max_leaves=6,
)
