"""Reading an expression before CEL does: which fields it names, and whether it keeps to what can be bounded. Pure.

The language has no cost limit, so what could take long is not taken: long texts, deep brackets, a macro such as
`exists` inside another or over anything but a field, and patterns that repeat by the number.
"""

import re
from dataclasses import dataclass
from itertools import pairwise

from syncs.rules import RuleError
from syncs.rules.conditions import Kinds, kind_at
from syncs.rules.values import Kind

LONGEST, DEEPEST, MOST_MACROS, LONGEST_BODY, MOST_PATTERNS, LONGEST_PATTERN = 1000, 20, 5, 100, 3, 60
#: Each sum of lists makes them anew: many of them take the square of their number.
MOST_SUMS = 40
MACROS = frozenset({"all", "exists", "exists_one", "filter"})
_ALONE = frozenset({"size", "lower", "day", "days_ago", "field", "int", "double", "string"})
_METHODS = frozenset({"contains", "startsWith", "endsWith", "matches", "size", "lower"})
_WORDS = frozenset({"true", "false", "null", "in"})
_TOKEN = re.compile(
    r"""\s+|(?P<text>"(?:[^"\\\n\r]|\\.)*"|'(?:[^'\\\n\r]|\\.)*')|(?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)"""
    r"""|(?P<name>[A-Za-z_][A-Za-z0-9_]*)|(?P<sign>&&|\|\||[=!<>]=|[-+*%/<>!?:.,()\[\]])""",
    re.ASCII,
)
_NOT_IN_PATTERNS = re.compile(r"\{|\\[xXuU0-9]")


@dataclass(frozen=True, slots=True)
class Token:
    kind: str
    text: str
    at: int


class Reader:
    """Goes through an expression once and finds the fields it names."""

    def __init__(self, text: str, kinds: Kinds) -> None:
        self.text, self.kinds = text, kinds
        self.tokens = _tokens(text)
        self.paths: dict[str, Kind] = {}
        self.macros = self.patterns = 0
        #: Where the macro that was met last ends, and what it calls each entry.
        self.body_ends, self.bound, self.place = -1, "", 0

    def read(self) -> dict[str, Kind]:
        if sum(token.kind == "sign" and token.text == "+" for token in self.tokens) > MOST_SUMS:
            raise RuleError(f"An expression can add up {MOST_SUMS} times at most.")
        depth = place = 0
        while place < len(self.tokens):
            token = self.tokens[place]
            depth += (token.text in "([" and token.kind == "sign") - (token.text in ")]" and token.kind == "sign")
            if depth > DEEPEST:
                raise RuleError(f"Brackets can stand in each other {DEEPEST} deep at most.")
            if token.text == "[" and self._ends_value(place - 1):
                raise RuleError("Name a field with a point: write billing_address.city.")
            self.place = place
            place = self._name(place) if token.kind == "name" else place + 1
        return self.paths

    def _sign(self, place: int, sign: str) -> bool:
        return 0 <= place < len(self.tokens) and self.tokens[place] == Token("sign", sign, self.tokens[place].at)

    def _ends_value(self, place: int) -> bool:
        if place < 0:
            return False
        token = self.tokens[place]
        return token.kind in {"text", "number"} or token.text in {")", "]"} or (
            token.kind == "name" and token.text not in _WORDS
        )  # fmt: skip

    def _name(self, place: int) -> int:
        """A field, or something to call on one; the place behind it."""
        if self.tokens[place].text in _WORDS:
            return place + 1
        chain, start = [self.tokens[place].text], place
        while self._sign(place + 1, ".") and place + 2 < len(self.tokens) and self.tokens[place + 2].kind == "name":
            chain.append(self.tokens[place + 2].text)
            place += 2
        called = chain.pop() if self._sign(place + 1, "(") else ""
        follows = self._sign(start - 1, ".")
        if chain and not follows:
            self._field(chain)
        elif chain:
            raise RuleError(f"“.{chain[0]}” can stand behind the name of a field only.")
        if called:
            self._call(called, place, chain, on_value=bool(chain) or follows)
        return place + 1

    def _field(self, chain: list[str]) -> None:
        path = ".".join(chain)
        bound = self.place < self.body_ends and chain[0] == self.bound
        if bound and len(chain) > 1:
            raise RuleError(f"There is no field “{path[:80]}” to ask about.")
        if not bound and path != "now":
            self._known(path)

    def _known(self, path: str) -> None:
        kind = kind_at(path, self.kinds)
        if kind is None:
            raise RuleError(f"There is no field “{path[:80]}” to ask about.")
        if kind == Kind.LIST and self.place < self.body_ends:
            raise RuleError(f"{path}: a list cannot be gone through for each entry of another.")
        self.paths[path] = kind

    def _call(self, called: str, place: int, chain: list[str], *, on_value: bool) -> None:
        if called in MACROS and on_value:
            self._macro(called, place, chain)
        elif called not in (_METHODS if on_value else _ALONE):
            raise RuleError(f"There is no function “{called[:40]}” here.")
        elif called == "field":
            self._named(place)
        elif called == "matches":
            self._pattern(place)

    def _macro(self, called: str, place: int, chain: list[str]) -> None:
        end = self._closing(place + 1)
        self.macros += 1
        if not chain or self.place < self.body_ends:
            raise RuleError(f"“{called}” can look through a field that is a list, and not inside another of its kind.")
        if self.macros > MOST_MACROS or self.tokens[end].at - self.tokens[place].at > LONGEST_BODY + len(called):
            raise RuleError(
                f"“{called}” and its kind can be used {MOST_MACROS} times, with {LONGEST_BODY} characters between the "
                "brackets."
            )
        first = self.tokens[place + 2]
        if first.kind != "name" or first.text in _WORDS | {"now"} or not self._sign(place + 3, ","):
            raise RuleError(f'“{called}” begins with a name for the entry, as in tags.exists(tag, tag == "VIP").')
        self.body_ends, self.bound = end, first.text

    def _closing(self, place: int) -> int:
        depth = 0
        for n in range(place, len(self.tokens)):
            depth += self._sign(n, "(") - self._sign(n, ")")
            if depth == 0:
                return n
        raise RuleError("A bracket is open at the end.")

    def _argument(self, place: int) -> str:
        """The text that alone stands between the brackets."""
        if not (self._sign(place + 3, ")") and self.tokens[place + 2].kind == "text"):
            raise RuleError(f'Write {self.tokens[place].text}("...") with a text between the brackets.')
        return self.tokens[place + 2].text[1:-1]

    def _named(self, place: int) -> None:
        path = re.sub(r"\\(.)", r"\1", self._argument(place))
        self._known(path)

    def _pattern(self, place: int) -> None:
        pattern = self._argument(place)
        self.patterns += 1
        if self.place < self.body_ends:
            raise RuleError("A pattern cannot stand inside exists or its kind.")
        if self.patterns > MOST_PATTERNS or len(pattern) > LONGEST_PATTERN or _NOT_IN_PATTERNS.search(pattern):
            raise RuleError(
                f"An expression can have {MOST_PATTERNS} patterns of {LONGEST_PATTERN} characters, without {{}} there."
            )


def _tokens(text: str) -> list[Token]:
    found, at = [], 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise RuleError(f"“{text[at]}” at character {at + 1} does not belong into an expression.")
        if match.lastgroup:
            found.append(Token(match.lastgroup, match.group(), at))
        at = match.end()
    if any(a.text == b.text == "/" and b.at == a.at + 1 for a, b in pairwise(found)):
        raise RuleError("An expression has no comments.")
    return found
