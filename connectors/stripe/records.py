"""What all records of Stripe have in common, and flat data as Stripe's parameters."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from connectors.base import Data, Field
from connectors.errors import ContractError

type Json = dict[str, Any]

METADATA = Field(
    "metadata.*", "Metadata", writable=True, max_length=500, custom=True,
    help="At most 50 keys of 40 characters without [ and ]; each value at most 500 characters.",
)  # fmt: skip


def read[T](name: str, made: Callable[[], T]) -> T:
    """ContractError where what came is no such thing."""
    try:
        return made()
    except (KeyError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        words = f"Stripe's {name} is not as we know it: {type(error).__name__} at {error}."
        raise ContractError(words) from None


def moment(seconds: object) -> datetime:
    return datetime.fromtimestamp(int(str(seconds)), UTC)


def identity(found: Any) -> str:
    """The id of what Stripe shows by its id, or whole where it was asked to expand it; '' for none."""
    return str(found["id"]) if isinstance(found, Mapping) else str(found or "")


def metadata(found: Mapping[str, Any]) -> Data:
    return {f"metadata.{key}": value for key, value in (found.get("metadata") or {}).items()}


def references(found: Mapping[str, Any]) -> dict[str, str]:
    """The cross references that were written into the metadata."""
    held = found.get("metadata") or {}
    return {key: value for key, value in held.items() if key.endswith("_id") or key == "portal_ref"}


def dashboard(found: Mapping[str, Any], place: str) -> str:
    """Where a person looks at it; `place` is 'invoices', for example."""
    return f"https://dashboard.stripe.com/{'' if found.get('livemode') else 'test/'}{place}/{found['id']}"


def filled(data: Mapping[str, Any]) -> Data:
    """Empty values left out, so that a state looks the same however Stripe spells emptiness."""
    return {path: value for path, value in data.items() if value is not None and value not in ("", [])}


def params(data: Mapping[str, Any], names: Mapping[str, str] | None = None) -> Json:
    """Flat paths as Stripe nests them; an empty value clears ('' is what Stripe takes for that).

    `names`: what Stripe calls a path that is called otherwise in the catalogue. Keys of metadata may have dots.
    """
    nested: Json = {}
    for path, value in data.items():
        head, _, key = path.partition(".")
        *into, last = [head, key] if head == "metadata" and key else (names or {}).get(path, path).split(".")
        place = nested
        for name in into:
            place = place.setdefault(name, {})
        place[last] = "" if value is None or value == [] else value
    return nested
