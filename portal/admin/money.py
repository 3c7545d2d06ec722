"""Invoices of both sides and payments, as they were read last: to look up, never to change."""

from typing import Any

from django.contrib import admin

from portal.admin.base import BY_BUSINESS, HistoryAdmin, SeenFilter
from portal.admin.display import linked, when
from syncs import currencies
from syncs.models import Invoice, Payment


def amount(field: str, words: str) -> Any:
    """A column of money with its currency."""

    @admin.display(description=words, ordering=field)
    def column(self: Any, row: Invoice | Payment) -> str:
        return currencies.shown(getattr(row, field), row.currency, row.business.currency)

    return column


@admin.register(Invoice)
class InvoiceAdmin(HistoryAdmin):
    list_display = ("__str__", "status", "total_shown", "left", "issued", "due", "at", "where")
    list_select_related = ("connection", "business")
    search_fields = ("number", "external_id", "refers_to", "party_id")
    search_help_text = "A number, or the id of the invoice or of its client on either side"
    list_filter = (BY_BUSINESS, ("connection", SeenFilter), "status", "gone")
    at, where = linked("connection"), linked("business")
    total_shown, left = amount("total", "total"), amount("remaining", "left to pay")
    issued, due = when("issued_at", "issued"), when("due_at", "due")


@admin.register(Payment)
class PaymentAdmin(HistoryAdmin):
    list_display = ("__str__", "status", "asked", "came", "back", "method", "made", "at", "where")
    list_select_related = ("connection", "business")
    search_fields = ("external_id", "invoice_id", "customer_id", "refers_to")
    search_help_text = "The id of the payment, its invoice or its customer"
    list_filter = (BY_BUSINESS, ("connection", SeenFilter), "status")
    at, where = linked("connection"), linked("business")
    asked, came, back = amount("amount", "amount"), amount("received", "received"), amount("refunded", "given back")
    made = when("made_at", "made")
