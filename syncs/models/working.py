"""What there is to do and how it stands: lanes, links, incidents."""

from datetime import datetime
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django_scopes import ScopedManager


class Lane(models.Model):
    """The unit of work handed to a worker: one business and one target connection, held by one worker at a time."""

    business = models.ForeignKey("portal.Business", models.CASCADE, related_name="+")
    target = models.OneToOneField("portal.Connection", models.CASCADE, related_name="lane")
    lease = models.CharField(max_length=120, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    #: A wake-up is in the queue since then; a lost one is forgotten after a while.
    woken_at = models.DateTimeField(null=True, blank=True)
    #: Not before this moment: the service asked us to wait, or it is down.
    resume_at = models.DateTimeField(null=True, blank=True)
    #: Why the lane waits for a person or for the service, in words; empty while it works.
    parked = models.CharField(max_length=300, blank=True)
    parked_code = models.CharField(max_length=40, blank=True)
    failures = models.PositiveSmallIntegerField("failures in a row", default=0)
    #: Of the failures, those where a service did not accept the sign-in of a connection that works as far as we know.
    refusals = models.PositiveSmallIntegerField("refused sign-ins in a row", default=0)
    #: Whose answer was missing or refused last, while there are failures.
    failing = models.ForeignKey("portal.Connection", models.SET_NULL, null=True, blank=True, related_name="+")
    served_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar["models.Manager[Lane]"] = ScopedManager(business="business")

    def __str__(self) -> str:
        return f"{self.business} → {self.target}"


class Link(models.Model):
    """One source record and its counterpart. Due when `noticed > handled`."""

    class State(models.TextChoices):
        DUE = "due", "Waiting"
        PLANNED = "planned", "Planned"
        RETRYING = "retrying", "Trying again"
        IN_STEP = "in_step", "In step"
        SKIPPED = "skipped", "Left out"
        HELD = "held", "Needs a look"
        CONFLICT = "conflict", "Conflict"
        PARKED = "parked", "Failed"
        ENDED = "ended", "Ended"

    class Priority(models.IntegerChoices):
        LIVE = 0, "Live"
        PERSON = 1, "Asked by a person"
        BACKFILL = 5, "Backfill"

    business = models.ForeignKey("portal.Business", models.CASCADE, related_name="+", db_index=False)
    sync = models.ForeignKey("syncs.Sync", models.CASCADE, related_name="links")
    source_id = models.CharField(max_length=255)
    target_id = models.CharField(max_length=255, null=True, blank=True)  # noqa: DJ001  # null keeps the pair unique
    label = models.CharField(max_length=300, blank=True)
    #: Last agreed value of each mapped target path.
    base = models.JSONField(default=dict, blank=True)
    #: Where the target shows an agreed value in its own way: {path: as shown there}.
    rendered = models.JSONField(default=dict, blank=True)
    noticed = models.PositiveIntegerField(default=0)
    handled = models.PositiveIntegerField(default=0)
    #: The first notice that is not worked yet, or the last one that was.
    noticed_at = models.DateTimeField(null=True)
    #: Something was said about the source record then: a state read earlier is too old to plan from.
    stale_at = models.DateTimeField(null=True, editable=False)
    noticed_by = models.CharField("noticed by", max_length=60, blank=True)
    priority = models.PositiveSmallIntegerField(choices=Priority.choices, default=Priority.LIVE)
    state = models.CharField(max_length=10, choices=State.choices, default=State.DUE)
    #: The last plan's verdict.
    verdict = models.CharField(max_length=12, blank=True)
    #: When something was last written for it.
    written_at = models.DateTimeField(null=True, editable=False)
    cause_code = models.CharField(max_length=60, blank=True)
    cause = models.CharField(max_length=500, blank=True)
    since = models.DateTimeField("in this state since", default=timezone.now)
    next_try = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField("tries in a row", default=0)
    #: Times it was taken up without an end: a record that kills its worker is found by this.
    claims = models.PositiveSmallIntegerField(default=0, editable=False)
    #: The run that noticed it last.
    run = models.ForeignKey("syncs.Run", models.SET_NULL, null=True, related_name="links")
    #: What a person decided: {"choice": "same" | "new" | "leave" | ..., "target_id": ..., "by": user id}; "through" has
    #: what was approved, "declined" why it was not, "expired" what nobody decided about, "edits" the values that a
    #: person has set (syncs.rules.editing), which stay when the rest is done.
    decision = models.JSONField(default=dict, blank=True)
    #: The record that must have its counterpart first: an invoice's client.
    waits_for = models.ForeignKey("self", models.SET_NULL, null=True, blank=True, related_name="waiting")
    #: Names of the rules that raise an incident about it, one on each line.
    flags = models.TextField("incidents of rules", blank=True, default="")
    #: The sync that a rule sends it to.
    routed_to = models.ForeignKey(
        "syncs.Sync", models.SET_NULL, null=True, blank=True, related_name="+", db_index=False,
        verbose_name="sent on to",
    )  # fmt: skip
    #: The version the last plan was made with.
    version = models.ForeignKey("syncs.Version", models.SET_NULL, null=True, related_name="+")

    objects: ClassVar["models.Manager[Link]"] = ScopedManager(business="business")

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["sync", "source_id"], name="one_link_per_source_record"),
            models.UniqueConstraint(
                fields=["sync", "target_id"], condition=~Q(state="ended"), name="one_link_per_target_record"
            ),
        )
        indexes = (
            models.Index(fields=["sync", "priority", "id"], condition=Q(noticed__gt=F("handled")), name="link_due"),
            models.Index(fields=["sync", "state"]),
            models.Index(fields=["run"], condition=Q(noticed__gt=F("handled")), name="link_due_in_run"),
            models.Index(fields=["business", "cause_code"], condition=~Q(cause_code=""), name="link_cause"),
            models.Index(fields=["sync"], condition=~Q(flags=""), name="link_flagged"),
            models.Index(fields=["routed_to"], condition=Q(routed_to__isnull=False), name="link_routed"),
        )

    def __str__(self) -> str:
        return self.label or self.source_id

    @property
    def stands_since(self) -> datetime | None:
        """Since when it stands as it is shown: what waits for its turn does since it was noticed."""
        return self.noticed_at if self.noticed > self.handled else self.since


class Incident(models.Model):
    """Failures of one sync with one cause. Opens once, closes itself when none of its records has the cause."""

    class State(models.TextChoices):
        OPEN = "open", "Open"
        IGNORED = "ignored", "Ignored"
        RESOLVED = "resolved", "Resolved"

    business = models.ForeignKey("portal.Business", models.CASCADE, related_name="incidents")
    sync = models.ForeignKey("syncs.Sync", models.CASCADE, null=True, related_name="incidents")
    connection = models.ForeignKey("portal.Connection", models.CASCADE, null=True, related_name="incidents")
    #: What fails: "sync:3" for records, "connection:2", "work:3" for the work on a sync itself, "account:2:pi_1" for
    #: what the owner of a connection's outside account has to know.
    subject = models.CharField(max_length=60)
    cause_code = models.CharField(max_length=60)
    title = models.CharField(max_length=200)
    next_step = models.CharField(max_length=300, blank=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.OPEN)
    records = models.PositiveIntegerField(default=0)
    opened_at = models.DateTimeField(default=timezone.now)
    last_seen_at = models.DateTimeField(default=timezone.now)
    told_at = models.DateTimeField("people told at", null=True, blank=True)
    resolved_at = models.DateTimeField(null=True, blank=True)
    recovery_told_at = models.DateTimeField("people told that it is over", null=True, blank=True, editable=False)
    #: Who takes care of it, and what they have noted.
    assignee = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    note = models.TextField(blank=True)
    #: It asks for nobody before then.
    snoozed_until = models.DateTimeField(null=True, blank=True)
    #: Ignored since then: it opens anew when one of its records has changed after that.
    ignored_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar["models.Manager[Incident]"] = ScopedManager(business="business")

    class Meta:
        ordering = ("-opened_at",)
        constraints = (
            models.UniqueConstraint(
                fields=["business", "subject", "cause_code"],
                condition=~Q(state="resolved"),
                name="one_open_incident_per_cause",
            ),
        )

    def __str__(self) -> str:
        return self.title
