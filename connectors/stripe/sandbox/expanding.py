"""Showing things whole inside of others, where `expand` asks for it: every id says by its prefix what it is of."""

from collections.abc import Callable, Sequence
from typing import Any

from connectors.stripe.sandbox.accounts import Account
from connectors.stripe.sandbox.listing import Thing

type Find = Callable[[str], Thing | None]


def finder(account: Account) -> Find:
    """Any thing of an account by its id."""
    shelves = {
        "cus": account.customers, "in": account.invoices, "pi": account.intents, "ch": account.charges,
        "py": account.charges, "pm": account.methods, "pr": account.records, "re": account.refunds,
        "du": account.disputes, "txn": account.transactions,
    }  # fmt: skip
    return lambda identity: shelves[identity.partition("_")[0]].get(identity)


def whole(shown: Any, paths: Sequence[str], find: Find) -> Any:
    """`shown` with what these paths name in it, as 'latest_charge.customer'. A list means each of its rows."""
    if isinstance(shown, list):
        return [whole(each, paths, find) for each in shown]
    if not isinstance(shown, dict):
        return shown
    inside: dict[str, list[str]] = {}
    for path in paths:
        head, _, rest = path.partition(".")
        inside.setdefault(head, []).extend([rest] if rest else [])
    return shown | {head: _whole(shown[head], rest, find) for head, rest in inside.items() if head in shown}


def _whole(found: Any, paths: Sequence[str], find: Find) -> Any:
    if isinstance(found, str):
        found = find(found) or found
    return whole(found, paths, find) if paths else found
