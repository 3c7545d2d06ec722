"""Payments as a person writes them down in Jobber. No mutation makes, changes or removes one."""

from collections.abc import Mapping
from typing import Any

from connectors.jobber.sandbox.accounts import Account
from connectors.jobber.sandbox.amounts import SIGNS
from connectors.jobber.sandbox.clients import Wrong

type Payment = dict[str, Any]

LARGEST = 1e9
#: Kind of record -> type in the API. Jobber Payments are taken by Jobber itself, the others only written down.
METHODS = {
    "BANK_TRANSFER": "BankTransferPaymentRecord", "CASH": "CashPaymentRecord", "CHEQUE": "CheckPaymentRecord",
    "CREDIT_CARD": "CreditCardPaymentRecord", "EPAYMENT": "EPaymentPaymentRecord",
    "JOBBER_PAYMENTS": "JobberPaymentsCreditCardPaymentRecord", "OTHER": "OtherPaymentRecord",
}  # fmt: skip


def recorded(payment_id: str, invoice: Mapping[str, Any], given: Mapping[str, Any], now: str) -> Payment:
    """`amount` is absolute, `rawAmount` is negative for money that went back."""
    amount, kind, method = float(given["amount"]), given.get("kind") or "PAYMENT", given["method"]
    _check(amount)
    if method not in METHODS or kind not in SIGNS:
        raise Wrong("There is no such kind of payment", "input", "method")
    tip = float(given.get("tip") or 0.0)
    if not 0 <= tip < LARGEST:
        raise Wrong("Tip can't be negative", "input", "tip")
    card = method == "JOBBER_PAYMENTS"
    return {
        "__typename": METHODS[method], "id": payment_id, "invoiceId": invoice["id"], "clientId": invoice["clientId"],
        "amount": amount, "rawAmount": amount * SIGNS[kind], "adjustmentType": kind, "paymentType": method,
        "tipAmount": tip if card or tip else None, "details": given.get("details") or None,
        "entryDate": given.get("entryDate") or now, "createdAt": now, "updatedAt": now, "canEdit": not card,
        "paymentOrigin": "CLIENT_ONLINE_ORIGIN" if card else "EMPLOYEE_ONLINE_ORIGIN",
        "jobberPaymentLast4": "4242" if card else None,
        "jobberPaymentPaymentMethod": "CREDIT_CARD" if card else None,
        "jobberPaymentTransactionStatus": "SUCCEEDED" if card else None,
    }  # fmt: skip


def changed(payment: Payment, amount: float, now: str) -> Payment:
    _check(amount)
    signed = amount * SIGNS[payment["adjustmentType"]]
    return payment | {"amount": amount, "rawAmount": signed, "updatedAt": max(now, payment["updatedAt"])}


def _check(amount: float) -> None:
    if not 0 < amount < LARGEST:
        raise Wrong("Amount must be greater than 0", "input", "amount")


def held(account: Account, payment_id: str) -> Payment:
    found: Payment | None = account["payments"].get(payment_id)
    if found is None:
        raise Wrong("Payment not found", "id")
    return found


def of(account: Account, invoice: Mapping[str, Any]) -> list[Payment]:
    return [account["payments"][payment_id] for payment_id in invoice["payments"]]
