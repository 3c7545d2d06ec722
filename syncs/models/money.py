"""Invoices and payments as columns: what sums and lists are made of. Kept from the snapshots, never edited."""

from typing import ClassVar

from django.db import models
from django_scopes import ScopedManager


class Invoice(models.Model):
    """One side's invoice as last read. Amounts are minor units of `currency` (ISO 4217)."""

    business = models.ForeignKey("portal.Business", models.CASCADE, related_name="+")
    connection = models.ForeignKey("portal.Connection", models.CASCADE, related_name="+")
    external_id = models.CharField(max_length=255)
    #: The counterpart that it names itself: the id of the Jobber invoice, '' where it names none.
    refers_to = models.CharField(max_length=255, blank=True)
    #: The client or customer at its own service.
    party_id = models.CharField(max_length=255, blank=True)
    number = models.CharField(max_length=120, blank=True)
    #: In the service's own word.
    status = models.CharField(max_length=40, blank=True)
    currency = models.CharField(max_length=3, blank=True)
    total = models.BigIntegerField(default=0)
    remaining = models.BigIntegerField("still to be paid", default=0)
    issued_at = models.DateTimeField(null=True)
    due_at = models.DateTimeField(null=True)
    gone = models.BooleanField("deleted there", default=False)

    objects: ClassVar["models.Manager[Invoice]"] = ScopedManager(business="business")

    class Meta:
        constraints = (models.UniqueConstraint(fields=["connection", "external_id"], name="one_row_per_invoice"),)
        indexes = (
            models.Index(fields=["business", "connection", "status"]),
            models.Index(fields=["connection", "party_id"]),
            models.Index(fields=["business", "total"]),
            models.Index(fields=["business", "remaining"], condition=models.Q(remaining__gt=0), name="invoice_left"),
        )

    def __str__(self) -> str:
        return f"Invoice {self.number or self.external_id}"


class Payment(models.Model):
    """One payment as the money service holds it now. Amounts are minor units of `currency` (ISO 4217)."""

    class Status(models.TextChoices):
        PAID = "paid", "Paid"
        PART_REFUNDED = "part_refunded", "Part refunded"
        REFUNDED = "refunded", "Refunded"
        DISPUTED = "disputed", "Disputed"
        DISPUTE_LOST = "dispute_lost", "Dispute lost"
        PROCESSING = "processing", "On its way"
        AUTHORISED = "authorised", "Authorised only"
        FAILED = "failed", "Failed"
        CANCELLED = "cancelled", "Cancelled"
        NONE = "none", "Not paid yet"

    business = models.ForeignKey("portal.Business", models.CASCADE, related_name="+")
    connection = models.ForeignKey("portal.Connection", models.CASCADE, related_name="+")
    external_id = models.CharField(max_length=255)
    #: The invoice it pays at the same service, '' where it pays none.
    invoice_id = models.CharField(max_length=255, blank=True)
    #: The Jobber invoice that it names itself.
    refers_to = models.CharField(max_length=255, blank=True)
    customer_id = models.CharField(max_length=255, blank=True)
    status = models.CharField(max_length=20, choices=Status.choices)
    currency = models.CharField(max_length=3)
    amount = models.BigIntegerField()
    received = models.BigIntegerField(default=0)
    refunded = models.BigIntegerField(default=0)
    method = models.CharField(max_length=80, blank=True)
    failure = models.CharField(max_length=300, blank=True)
    dispute = models.CharField(max_length=60, blank=True)
    #: When somebody tried to pay last; begun, where nobody has.
    made_at = models.DateTimeField()
    paid_at = models.DateTimeField(null=True)

    objects: ClassVar["models.Manager[Payment]"] = ScopedManager(business="business")

    class Meta:
        constraints = (models.UniqueConstraint(fields=["connection", "external_id"], name="one_row_per_payment"),)
        indexes = (
            models.Index(fields=["business", "status"]),
            models.Index(fields=["connection", "invoice_id"]),
            models.Index(fields=["connection", "customer_id"]),
            models.Index(fields=["business", "amount"]),
        )

    def __str__(self) -> str:
        return f"Payment {self.external_id}"

    @property
    def counted(self) -> int:
        """What came in and stayed: minor units. A disputed payment counts until the dispute is lost."""
        kept = {self.Status.PAID, self.Status.PART_REFUNDED, self.Status.DISPUTED, self.Status.REFUNDED}
        return self.received - self.refunded if self.status in kept else 0
