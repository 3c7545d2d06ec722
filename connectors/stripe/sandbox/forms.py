"""Form bodies and query strings with Stripe's bracket nesting, read into plain dicts."""

from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl

from connectors.stripe.sandbox.problems import Problem, bad_integer, unknown

type Form = dict[str, Any]
#: Two hundred and fifty lines of an invoice with all that can be said of each.
MOST_FIELDS = 10_000


def pairs(text: bytes) -> list[tuple[str, str]]:
    """Problem where it is no UTF-8 text."""
    try:
        return parse_qsl(text.decode(), keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS)
    except (UnicodeDecodeError, ValueError):
        raise Problem(400, "Invalid request: the parameters are not UTF-8 form data.") from None


def nested(found: Iterable[tuple[str, str]]) -> Form:
    """[("metadata[a]", "1"), ("expand[]", "x")] -> {"metadata": {"a": "1"}, "expand": {"0": "x"}}."""
    form: Form = {}
    for key, value in found:
        *outer, last = _parts(key)
        place = form
        for part in outer:
            inner = place.setdefault(part or str(len(place)), {})
            if not isinstance(inner, dict):
                raise Problem(400, "Invalid object", param=_parts(key)[0])
            place = inner
        place[last or str(len(place))] = value
    return form


@lru_cache(maxsize=2048)
def _parts(key: str) -> tuple[str, ...]:
    """'a[b][]' -> ('a', 'b', '')."""
    head, bracket, rest = key.partition("[")
    if not bracket or not rest.endswith("]"):
        return (key,)
    return (head, *rest[:-1].split("]["))


def only(form: Form, allowed: Iterable[str], inside: str = "") -> None:
    """Problem that names the parameters nobody knows."""
    strange = [f"{inside}[{k}]" if inside else k for k in form if k not in allowed]
    if strange:
        raise unknown(strange)


def text(value: Any, param: str, most: int = 5000) -> str:
    if isinstance(value, dict):
        raise Problem(400, f"Invalid string: {value}", param=param)
    if len(value) > most:
        shown = f"{value[:4]}...{value[-4:]}"
        raise Problem(400, f"Invalid string: {shown}; must be at most {most} characters", param=param)
    return str(value)


def integer(value: Any, param: str) -> int:
    if not isinstance(value, str) or not value.lstrip("-").isdecimal():
        raise bad_integer(value, param)
    return int(value)


def decimal(value: Any, param: str) -> Decimal:
    """A finite number with at most twelve decimal places."""
    try:
        found = Decimal(value) if isinstance(value, str) else Decimal("NaN")
    except InvalidOperation:
        found = Decimal("NaN")
    if not found.is_finite():
        raise Problem(400, f"Invalid decimal: {value}; must be a valid decimal", param=param)
    if -int(found.as_tuple().exponent) > 12:
        raise Problem(400, f"Invalid decimal: {value}; must contain at maximum 12 decimal places.", param=param)
    return found


def boolean(value: Any, param: str) -> bool:
    if value not in ("true", "false"):
        raise Problem(400, f"Invalid boolean: {value}", param=param)
    return bool(value == "true")


def choice(value: Any, param: str, among: Iterable[str]) -> str:
    """One of these words; the refusal names them in their order."""
    words = list(among)
    if value not in words:
        named = f"{', '.join(words[:-1])}, or {words[-1]}" if len(words) > 2 else " or ".join(words)
        raise Problem(400, f"Invalid {param}: must be one of {named}", param=param)
    return str(value)


def inner(value: Any, param: str) -> Form:
    if not isinstance(value, dict):
        raise Problem(400, "Invalid object", param=param)
    return value


def items(value: Any, param: str) -> list[Any]:
    """The values of a list, sent as param[]=, or param[0]=."""
    if isinstance(value, dict) and all(k.isdecimal() for k in value):
        return [value[k] for k in sorted(value, key=int)]
    raise Problem(400, "Invalid array", param=param)


def expanded(form: Form, known: Iterable[str], prefix: str = "") -> set[str]:
    """What `expand` asks for, without the 'data.' of lists. Problem for what cannot be expanded."""
    asked = {text(v, "expand") for v in items(form["expand"], "expand")} if "expand" in form else set()
    for name in asked:
        if not name.startswith(prefix) or name.removeprefix(prefix) not in known:
            raise Problem(400, f"This property cannot be expanded ({name}).", param="expand")
    return {name.removeprefix(prefix) for name in asked}
