"""What of an invoice a payment pays: each invoice that opens gets an intent of its own, others can be attached."""

import secrets

from connectors.stripe.sandbox import charging
from connectors.stripe.sandbox.accounts import Account
from connectors.stripe.sandbox.billing import Billing
from connectors.stripe.sandbox.charging import Intent
from connectors.stripe.sandbox.events import Cause
from connectors.stripe.sandbox.expanding import finder, whole
from connectors.stripe.sandbox.invoices import OPEN, PAID, UNCOLLECTIBLE, VOID, Invoice
from connectors.stripe.sandbox.listing import Thing


class Links:
    """Invoice payments, kept in step with their invoices."""

    def __init__(self, billing: Billing) -> None:
        self._billing = billing
        billing.opened, billing.resized, billing.closed = self.opened, self._resized, self.closed
        billing.expanders |= {"payments": self._shown, "amount_paid_off_stripe": self._off_stripe}

    def opened(self, account: Account, invoice: Invoice, cause: Cause | None) -> Intent:
        """Each open invoice has an intent of its own, and is paid with it unless something else pays it."""
        amount, identity = invoice["amount_remaining"], f"pi_3{secrets.token_hex(11)}"
        intent = charging.new(identity, self._billing.now, amount, invoice["currency"], secrets.token_hex(12))
        about = {"customer": invoice["customer"], "description": "Payment for Invoice"}
        intent |= about | {"statement_descriptor": invoice["statement_descriptor"]}
        account.intents.put(intent["id"], intent)
        self._billing.tell(account, "payment_intent.created", intent, cause)
        self.linked(account, invoice, amount, "payment_intent", intent["id"], default=True)
        return intent

    def linked(
        self, account: Account, invoice: Invoice, amount: int, kind: str, identity: str, *, default: bool = False
    ) -> Thing:  # fmt: skip
        payment = {"type": kind, kind: identity}
        found = charging.toward(
            f"inpay_1{secrets.token_hex(11)}", self._billing.now, invoice, amount, payment, default=default
        )
        account.put_invoice_payment(found)
        return found

    def default_of(self, account: Account, invoice: Invoice) -> Intent | None:
        """The invoice's own intent, while it can still be used."""
        own = (p for p in account.invoice_payments_of(invoice["id"]) if p["is_default"] and p["status"] == "open")
        return next((account.intents[p["payment"]["payment_intent"]] for p in own), None)

    def invoices_own(self, account: Account, intent: Intent) -> bool:
        return any(p["is_default"] for p in account.invoice_payments_of(intent["id"]))

    def _resized(self, account: Account, invoice: Invoice, cause: Cause | None) -> None:
        left = invoice["amount_remaining"]
        for each in account.invoice_payments_of(invoice["id"]):
            if each["is_default"] and each["status"] == "open" and left:
                intent = account.intents[each["payment"]["payment_intent"]]
                account.put_invoice_payment(each | {"amount_requested": left})
                if intent["status"] != charging.PROCESSING:
                    account.intents.put(intent["id"], intent | {"amount": left})

    def closed(self, account: Account, invoice: Invoice, cause: Cause | None) -> None:
        """What would have paid it is not needed any more. A debit that is under way cannot be called back."""
        reason = "void_invoice" if invoice["status"] == VOID else "automatic"
        for each in account.invoice_payments_of(invoice["id"]):
            intent = account.intents.get(each["payment"].get("payment_intent", ""))
            if each["status"] != "open" or (intent and intent["status"] == charging.PROCESSING):
                continue
            account.put_invoice_payment(charging.dropped(each, self._billing.now))
            if intent and each["is_default"]:
                self.canceled(account, intent, reason, cause)

    def _shown(self, account: Account, invoice: Invoice, inside: set[str]) -> Thing:
        rows = account.invoice_payments_of(invoice["id"])[::-1]
        paths = [p.removeprefix("data.") for p in sorted(inside) if p.startswith("data.")]
        return {
            "object": "list", "data": whole(rows[:10], paths, finder(account)), "has_more": len(rows) > 10,
            "url": f"/v1/invoice_payments?invoice={invoice['id']}",
        }  # fmt: skip

    def _off_stripe(self, account: Account, invoice: Invoice, inside: set[str]) -> int:
        rows = account.invoice_payments_of(invoice["id"])
        by_stripe = sum(p["amount_paid"] or 0 for p in rows if p["payment"]["type"] == "payment_intent")
        return int(invoice["amount_paid"] - by_stripe)

    def canceled(self, account: Account, intent: Intent, reason: str | None, cause: Cause | None) -> Intent:
        after = charging.canceled(intent, reason, self._billing.now)
        account.intents.put(after["id"], after)
        self._billing.tell(account, "payment_intent.canceled", after, cause)
        return after

    def paid(self, account: Account, found: Thing, amount: int, cause: Cause | None) -> None:
        """The money for an invoice is here. An invoice that nobody waits for makes it the customer's."""
        done = charging.arrived(found, amount, self._billing.now)
        account.put_invoice_payment(done)
        before = account.invoices[found["invoice"]]
        if before["status"] in (OPEN, UNCOLLECTIBLE):
            by_stripe = found["payment"]["type"] == "payment_intent"
            tried = {"attempted": True, "attempt_count": before["attempt_count"] + 1} if by_stripe else {}
            paid = self._billing.pay(account, before["id"], amount, cause, **tried)
            if paid["status"] == PAID:
                self.closed(account, paid, cause)
        else:
            balance = account.customers[before["customer"]].get("balance", 0)
            self._billing.change_customer(account, before["customer"], {"balance": balance - amount}, cause)
        self._billing.tell(account, "invoice_payment.paid", done, cause)
