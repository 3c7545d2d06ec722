"""Money that goes back: refunds, and disputes over a charge. Each change is an event."""

import secrets

from connectors.stripe.sandbox import charging, disputes, refunds
from connectors.stripe.sandbox.accounts import Account
from connectors.stripe.sandbox.billing import Billing
from connectors.stripe.sandbox.customers import previous
from connectors.stripe.sandbox.events import Cause
from connectors.stripe.sandbox.forms import Form, text
from connectors.stripe.sandbox.listing import Shelf, Thing
from connectors.stripe.sandbox.problems import Problem, missing


class Returns:
    """`cause` is None where Stripe, a bank or a payer acts."""

    def __init__(self, billing: Billing) -> None:
        self._billing = billing

    def moved(self, account: Account, kind: str, amount: int, fee: int, source: Thing) -> Thing:
        """A movement of the balance; `amount` is negative where money leaves."""
        made = charging.transaction(f"txn_3{secrets.token_hex(11)}", self._billing.now, kind, amount, fee, source)
        account.transactions.put(made["id"], made)
        return made

    def charge_to_refund(self, account: Account, form: Form) -> Thing:
        """Named by itself or by its intent."""
        given = [p for p in ("charge", "payment_intent") if p in form]
        if not given:
            words = "One of the following params should be provided for this request: payment_intent or charge."
            raise Problem(400, words, code="parameter_missing")
        if len(given) > 1:
            raise Problem(400, "You may only specify one of these parameters: charge, payment_intent.")
        name = text(form[given[0]], given[0])
        shelf: Shelf = account.charges if given[0] == "charge" else account.intents
        found = shelf.get(name)
        if found is None:
            raise missing(given[0], name, param=given[0], status=404 if given[0] == "charge" else 400)
        charge = found if given[0] == "charge" else account.charges.get(found["latest_charge"] or "")
        if charge is None or charge["status"] == "failed":
            raise Problem(
                400, f"This PaymentIntent ({name}) does not have a successful charge to refund.", param=given[0]
            )
        return charge

    def refund(self, account: Account, form: Form, cause: Cause | None) -> Thing:
        charge = self.charge_to_refund(account, form)
        disputed = self.dispute_of(account, charge["id"])
        made = refunds.new(
            f"re_3{secrets.token_hex(11)}", self._billing.now, charge, disputed["status"] if disputed else "", form
        )
        moved = self.moved(account, "refund", -made["amount"], 0, made)
        made |= {"balance_transaction": moved["id"]}
        account.refunds.put(made["id"], made)
        self._billing.tell(account, "refund.created", made, cause)
        self._change_charge(account, "charge.refunded", refunds.given_back(charge, made["amount"]), cause)
        return made

    def _change_charge(self, account: Account, kind: str, after: Thing, cause: Cause | None) -> None:
        told = previous(account.charges[after["id"]], after)
        account.charges.put(after["id"], after)
        self._billing.tell(account, kind, after, cause, told)

    def fail_refund(self, account: Account, refund: Thing) -> Thing:
        """The bank sends the money back: the card is closed, for example."""
        moved = self.moved(account, "refund_failure", refund["amount"], 0, refund)
        after = refunds.failed(refund, moved["id"])
        account.refunds.put(after["id"], after)
        charge = account.charges[refund["charge"]]
        account.charges.put(charge["id"], refunds.given_back(charge, -refund["amount"]))
        for kind in ("refund.updated", "refund.failed", "charge.refund.updated"):
            self._billing.tell(account, kind, after, None)
        self._billing.tell(account, "charge.updated", account.charges[charge["id"]], None,
                          previous(charge, account.charges[charge["id"]]))  # fmt: skip
        return after

    def dispute_of(self, account: Account, charge: str) -> Thing | None:
        """The one about a charge; there is never more than one here."""
        return next((d for d in account.disputes.things.values() if d["charge"] == charge), None)

    def dispute(self, account: Account, charge: Thing, reason: str) -> Thing:
        """The client has asked the bank for the money: it is gone until the dispute is won."""
        made = disputes.new(f"du_1{secrets.token_hex(11)}", self._billing.now, charge, reason)
        made = disputes.with_transaction(made, self.moved(account, "adjustment", -made["amount"], disputes.FEE, made))
        account.disputes.put(made["id"], made)
        self._billing.tell(account, "charge.dispute.created", made, None)
        self._billing.tell(account, "charge.dispute.funds_withdrawn", made, None)
        self._change_charge(account, "charge.updated", account.charges[charge["id"]] | {"disputed": True}, None)
        return made

    def change_dispute(self, account: Account, before: Thing, form: Form, cause: Cause | None) -> Thing:
        after = disputes.changed(before, form)
        told = previous(before, after)
        if told:
            account.disputes.put(after["id"], after)
            self._billing.tell(account, "charge.dispute.updated", after, cause, told)
        ends = disputes.decided(after)
        return self.close_dispute(account, after, ends, None) if ends else after

    def close_dispute(self, account: Account, before: Thing, status: str, cause: Cause | None) -> Thing:
        """`status`: 'won' or 'lost'."""
        after = disputes.closed(before, status)
        if status == disputes.WON:
            back = self.moved(account, "adjustment", after["amount"], -disputes.FEE, after)
            after = disputes.with_transaction(after, back)
        account.disputes.put(after["id"], after)
        self._billing.tell(account, "charge.dispute.closed", after, cause)
        if status == disputes.WON:
            self._billing.tell(account, "charge.dispute.funds_reinstated", after, cause)
        return after
