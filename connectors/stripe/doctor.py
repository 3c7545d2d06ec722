"""Whether an account and the access to it can do what is needed, without changing anything there."""

import contextlib
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from connectors.base import Check, Credentials
from connectors.errors import MissingError, ScopeError
from connectors.stripe.sending import READ_PATIENCE, Sender

_FILL_IN = "Open your Stripe dashboard and complete what it asks for."


def own_account(sender: Sender) -> dict[str, Any]:
    return sender.get("GET account", "/v1/account", {}, "id")


def checks(sender: Sender, credentials: Credentials) -> list[Check]:
    found = own_account(sender)
    due = (found.get("requirements") or {}).get("currently_due") or []
    pays, pays_out = bool(found.get("charges_enabled")), bool(found.get("payouts_enabled"))
    asks = f"Stripe asks for {len(due)} more {'detail' if len(due) == 1 else 'details'}." if due else "All given."
    return [
        Check("Can take payments", pays, _can(pays), _FILL_IN),
        Check("Can pay out to your bank", pays_out, _can(pays_out), _FILL_IN),
        Check("Nothing missing at Stripe", not due, asks, _FILL_IN),
        *_permissions(sender),
        *_kind_of_access(credentials),
    ]


def _kind_of_access(credentials: Credentials) -> list[Check]:
    found = []
    if not credentials.livemode:
        found.append(Check("Test mode", None, "This is a Stripe test account: no real money moves."))
    if credentials.method == "key" and credentials.access_token.reveal().startswith("sk_"):
        found.append(Check("Restricted key", False, "This key may do anything.", "Paste a restricted key instead."))
    return found


def _permissions(sender: Sender) -> list[Check]:
    """Each of them by a call without effect. A key is given access kind by kind."""
    return [
        _may("read customers", "read and write access to customers", lambda: _read(sender, "customers")),
        _may("change customers", "read and write access to customers", lambda: _change(sender, "customer", "cus_none")),
        _may("read invoices", "read and write access to invoices", lambda: _read(sender, "invoices")),
        _may("change invoices", "read and write access to invoices", lambda: _change(sender, "invoice", "in_none")),
        _may("change tax rates", "read and write access to tax rates", lambda: _change(sender, "tax_rate", "txr_none")),
        _may(
            "read payments", "read access to payment intents, charges and disputes",
            lambda: _read(sender, "payment_intents", "charges", "disputes"),
        ),
    ]  # fmt: skip


def _read(sender: Sender, *plurals: str) -> None:
    for plural in plurals:
        sender.get(f"GET {plural}", f"/v1/{plural}", {"limit": 1}, "data")


def _change(sender: Sender, singular: str, nobody: str) -> None:
    """Stripe looks at the permission before it looks for a record that does not exist."""
    deadline = sender.pacer.clock() + READ_PATIENCE
    with contextlib.suppress(MissingError):
        sender.post(
            f"POST {singular}/{{id}}", f"/v1/{singular}s/{nobody}", {}, key=f"fb-{uuid4().hex}", deadline=deadline
        )


def _may(what: str, grant: str, tried: Callable[[], None]) -> Check:
    try:
        tried()
    except ScopeError as error:
        return Check(f"May {what}", False, str(error), f"Give the key {grant}.")
    return Check(f"May {what}", True, "Yes.")


def _can(enabled: object) -> str:
    return "Yes." if enabled else "Not at the moment."
