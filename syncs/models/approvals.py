"""Plans that wait for a person, and what people said of them."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django_scopes import ScopedManager

from syncs.models.configuration import Approver


class Approval(models.Model):
    """One plan of one record that is written only once a person has approved it. Kept by syncs.approvals alone."""

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        APPROVED = "approved", "Approved"
        DECLINED = "declined", "Declined"
        EXPIRED = "expired", "Expired"
        OVERTAKEN = "overtaken", "Overtaken"

    business = models.ForeignKey("portal.Business", models.CASCADE, related_name="+")
    sync = models.ForeignKey("syncs.Sync", models.CASCADE, related_name="approvals")
    link = models.ForeignKey("syncs.Link", models.CASCADE, related_name="approvals")
    #: The rule that holds it; empty where every write of the sync waits.
    rule = models.CharField(max_length=80, blank=True)
    role = models.CharField("who decides", max_length=12, choices=Approver.choices)
    #: syncs.planning.Plan as JSON, as in an Attempt.
    plan = models.JSONField()
    #: Stands for the plan: a person decides about what has just this.
    shown = models.CharField(max_length=16)
    #: In minor units of the currency, where the record has money.
    amount = models.BigIntegerField(null=True)
    currency = models.CharField(max_length=3, blank=True)
    asked_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(null=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    #: None where nobody decided, or the person is gone; `who` keeps the name.
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    who = models.CharField(max_length=150, blank=True)
    decided_at = models.DateTimeField(null=True)
    reason = models.CharField(max_length=200, blank=True)
    #: {target path: {"value": what is written, "instead": of this, which the mapping gave}}
    edits = models.JSONField(default=dict, blank=True)

    objects: ClassVar["models.Manager[Approval]"] = ScopedManager(business="business")

    class Meta:
        ordering = ("-id",)
        constraints = (
            models.UniqueConstraint(
                fields=["link"], condition=Q(state="waiting"), name="one_waiting_approval_per_link"
            ),
        )
        indexes = (
            models.Index(fields=["business", "state", "asked_at"]),
            models.Index(fields=["expires_at"], condition=Q(state="waiting"), name="approval_expiry"),
        )

    def __str__(self) -> str:
        return f"{self.link}, {self.get_state_display().lower()}"
