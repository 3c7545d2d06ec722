"""What a business has chosen: a sync, the editable draft of its mapping, and the published versions."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django.conf import settings
from django.core.validators import MinValueValidator
from django.db import models
from django.utils import timezone
from django_scopes import ScopedManager


class Approver(models.TextChoices):
    OWNER = "owner", "An owner"
    OFFICE = "office", "The office, or an owner"
    STAFF = "staff", "Anybody who may decide"


class Raiser(models.TextChoices):
    OWNER = "owner", "An owner"
    OFFICE = "office", "The office, or an owner"
    STAFF = "staff", "Integration staff, or an owner"


class Sync(models.Model):
    """One resource kept in step with another, from the source to the target."""

    class Mode(models.TextChoices):
        """Each is a step further than the one before."""

        OFF = "off", "Off"
        PREVIEW = "preview", "Preview: plan, never write"
        APPROVE = "approve", "Approve: every write waits for a person"
        LIVE = "live", "Live"

    #: What is planned is written: at once, or as soon as a person has approved it.
    WRITING = (Mode.APPROVE, Mode.LIVE)

    class Reconciling(models.TextChoices):
        NEVER = "never", "Only when somebody asks"
        DAILY = "daily", "Every day"
        WEEKLY = "weekly", "Every week"

    business = models.ForeignKey("portal.Business", models.CASCADE, related_name="syncs")
    recipe = models.CharField(max_length=60)
    name = models.CharField(max_length=120)
    source = models.ForeignKey("portal.Connection", models.PROTECT, related_name="syncs_from")
    source_resource = models.CharField(max_length=40)
    target = models.ForeignKey("portal.Connection", models.PROTECT, related_name="syncs_to")
    target_resource = models.CharField(max_length=40)
    lane = models.ForeignKey("syncs.Lane", models.PROTECT, related_name="syncs")
    mode = models.CharField(max_length=10, choices=Mode.choices, default=Mode.PREVIEW)
    #: The mode before it was paused, which it goes on in.
    paused_in = models.CharField(max_length=10, blank=True, editable=False)
    raised_by = models.CharField(
        "who may step the mode up", max_length=12, choices=Raiser.choices, default=Raiser.STAFF,
        help_text="Anybody who may configure it can step it down.",
    )  # fmt: skip
    approver = models.CharField(
        "who approves", max_length=12, choices=Approver.choices, default=Approver.OFFICE,
        help_text="Where every write waits. A rule that holds a record says itself who decides.",
    )  # fmt: skip
    approval_days = models.PositiveSmallIntegerField(
        "approvals expire after (days)", default=14, null=True, blank=True, validators=[MinValueValidator(1)],
        help_text="Nothing is written then, and the record is asked about again when it changes. Empty: never.",
    )  # fmt: skip
    #: Values of the recipe's options, such as {"include_leads": false}.
    options = models.JSONField(default=dict, blank=True)
    version = models.ForeignKey(
        "syncs.Version", models.PROTECT, null=True, blank=True, related_name="+", verbose_name="live version"
    )
    poll_minutes = models.PositiveSmallIntegerField("look for missed changes every (minutes)", default=15)
    #: Source records changed at or after this moment are not all known yet.
    polled_until = models.DateTimeField(null=True, blank=True, editable=False)
    #: When every target record was last read: a counterpart not among the snapshots did not exist then.
    target_read_at = models.DateTimeField(null=True, blank=True, editable=False)
    reconciling = models.CharField(
        "compare both sides and report", max_length=10, choices=Reconciling.choices, default=Reconciling.WEEKLY
    )
    reconciling_writes = models.BooleanField(
        "afterwards write what can be written; otherwise it waits for a person", default=True
    )
    #: Somebody asked for a report while another reading was going on.
    report_asked_at = models.DateTimeField(null=True, blank=True, editable=False)
    live_since = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects: ClassVar["models.Manager[Sync]"] = ScopedManager(business="business")

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["source", "source_resource", "target", "target_resource"], name="one_sync_per_pair"
            ),
        )

    def __str__(self) -> str:
        return self.name

    @property
    def writes(self) -> bool:
        """Whether what is planned is carried out, at once or once a person has approved it."""
        return self.mode in self.WRITING

    @property
    def live_options(self) -> Mapping[str, Any]:
        """The options of the live version: what is worked by, while `options` may be a draft."""
        found: Mapping[str, Any] = self.version.content.get("options", {}) if self.version else {}
        return found


class WriteMode(models.TextChoices):
    ALWAYS = "always", "Always"
    WHEN_NEW = "when_new", "Only when the record is new"
    WHEN_EMPTY = "when_empty", "Only when empty there"
    WITH_CHANGES = "with_changes", "Only together with another change"
    MERGE = "merge", "Merge lists: entries that others have added there stay"


class Owner(models.TextChoices):
    SOURCE = "source", "The source"
    TARGET = "target", "The target"
    NEWEST = "newest", "Whoever changed it last"
    ASK = "ask", "A person is asked"


class FieldMapping(models.Model):
    """One row of the draft: what is read, what is made of it, where it goes."""

    business = models.ForeignKey("portal.Business", models.CASCADE, related_name="+")
    sync = models.ForeignKey(Sync, models.CASCADE, related_name="mappings")
    position = models.PositiveSmallIntegerField(default=0, db_index=True)
    #: Catalogue paths, read in this order by the first transform: ["company_name", "name"].
    sources = models.JSONField("from", default=list)
    target_path = models.CharField("to", max_length=120)
    #: [{"name": "cut", "length": 150}, ...], applied in order.
    transforms = models.JSONField(default=list, blank=True)
    mode = models.CharField("write", max_length=20, choices=WriteMode.choices, default=WriteMode.ALWAYS)
    owner = models.CharField(
        "wins when both sides changed it", max_length=10, choices=Owner.choices, default=Owner.SOURCE
    )  # fmt: skip
    #: The source's field that takes what the target says, where the sync goes both ways.
    back_path = models.CharField("back to", max_length=120, blank=True)
    back_transforms = models.JSONField(default=list, blank=True)
    #: [[input, expected], ...]: what the row must make of what, or the draft is not published (syncs.examples).
    examples = models.JSONField(default=list, blank=True)
    editable = models.BooleanField("who approves may edit it", default=False)

    objects: ClassVar["models.Manager[FieldMapping]"] = ScopedManager(business="business")

    class Meta:
        ordering = ("position", "id")
        constraints = (models.UniqueConstraint(fields=["sync", "target_path"], name="one_mapping_per_target_field"),)

    def __str__(self) -> str:
        return f"{', '.join(self.sources)} → {self.target_path}"


class Outcome(models.TextChoices):
    SKIP = "skip", "Leave it out"
    HOLD = "hold", "Hold it until a person has decided"
    SET = "set", "Set a field"
    INCIDENT = "incident", "Raise an incident, and go on"
    ROUTE = "route", "Send it to another sync"


class Rule(models.Model):
    """One rule of the draft: for which records, and what is done with them."""

    business = models.ForeignKey("portal.Business", models.CASCADE, related_name="+")
    sync = models.ForeignKey(Sync, models.CASCADE, related_name="rules")
    position = models.PositiveSmallIntegerField(default=0, db_index=True)
    name = models.CharField(max_length=80)
    #: {"all" | "any" | "not": [{"field", "operator", "value"} or a group, ...]}; empty where `expression` says it.
    condition = models.JSONField(default=dict, blank=True)
    expression = models.TextField(max_length=1000, blank=True)
    outcome = models.CharField("then", max_length=10, choices=Outcome.choices, default=Outcome.SKIP)
    reason = models.CharField(max_length=200, blank=True)
    role = models.CharField("who decides", max_length=12, choices=Approver.choices, default=Approver.OWNER)
    target_path = models.CharField("field to set", max_length=120, blank=True)
    value = models.CharField("value to set", max_length=500, blank=True)
    #: {"recipe", "connector" of its target, "name"} of the sync that records are sent to: words that another
    #: installation understands too.
    route_to = models.JSONField("sync to send it to", default=dict, blank=True)

    objects: ClassVar["models.Manager[Rule]"] = ScopedManager(business="business")

    class Meta:
        ordering = ("position", "id")
        constraints = (models.UniqueConstraint(fields=["sync", "name"], name="one_rule_per_name"),)

    def __str__(self) -> str:
        return self.name


class Version(models.Model):
    """A published copy of mappings, rules and options. Never edited; every plan names the version it was made with."""

    business = models.ForeignKey("portal.Business", models.CASCADE, related_name="+")
    sync = models.ForeignKey(Sync, models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    #: {"mappings": [{sources, target, transforms, mode, ...}], "rules": [as in syncs.rules.book], "options": {...}}
    content = models.JSONField()
    note = models.CharField(max_length=300, blank=True)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")
    published_at = models.DateTimeField(default=timezone.now)

    objects: ClassVar["models.Manager[Version]"] = ScopedManager(business="business")

    class Meta:
        ordering = ("-number",)
        constraints = (models.UniqueConstraint(fields=["sync", "number"], name="one_version_per_number"),)

    def __str__(self) -> str:
        return f"version {self.number}"
