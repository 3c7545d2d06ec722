"""Who did what: configuration, modes, decisions. Append only, chained per business."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone
from django_scopes import ScopedManager


class AuditEntry(models.Model):
    """One thing that a person, or the portal by itself, did in a business. Written by syncs.audit alone."""

    business = models.ForeignKey("portal.Business", models.CASCADE, related_name="+")
    at = models.DateTimeField(default=timezone.now)
    #: None where the portal did it by itself, or the person is gone; `who` keeps the name.
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    who = models.CharField(max_length=150)
    #: In dotted words: "sync.mode", "version.published", "approval.declined".
    action = models.CharField(max_length=60)
    #: What it was done to: "sync:3", "link:12".
    subject = models.CharField(max_length=60)
    #: In a sentence that stands alone, names included.
    words = models.CharField(max_length=500)
    details = models.JSONField(default=dict, blank=True)

    #: SHA-256 over the entry before it in the business, and this one.
    previous_hash = models.CharField(max_length=64, blank=True)
    hash = models.CharField(max_length=64)

    objects: ClassVar["models.Manager[AuditEntry]"] = ScopedManager(business="business")

    class Meta:
        ordering = ("-id",)
        verbose_name_plural = "audit entries"
        indexes = (
            models.Index(fields=["business", "at"]),
            models.Index(fields=["business", "subject"]),
        )

    def __str__(self) -> str:
        return self.words
