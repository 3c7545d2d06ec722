"""Who did what: configuration, modes, decisions. Append only, chained per business."""

from typing import Any, ClassVar, NoReturn

from django.conf import settings
from django.db import models
from django.utils import timezone
from django_scopes import ScopedManager


class AppendOnly(Exception):
    """Somebody tried to change or remove what has been written down."""


class _Kept(models.QuerySet["AuditEntry"]):
    """Read, never changed: syncs.erasing and syncs.retention alone go another way, and say so in the trail."""

    def update(self, **_: Any) -> NoReturn:
        raise AppendOnly("An entry of the audit trail stays as it is.")

    def delete(self) -> NoReturn:
        raise AppendOnly("An entry of the audit trail stays.")


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

    #: SHA-256 over `nonce`, `words` and `details`. It stays when those are erased, so that the chain can still be
    #: reckoned; without the nonce, nobody can guess from it what stood there.
    #: Empty in older entries.
    seal = models.CharField(max_length=64, blank=True)
    nonce = models.CharField(max_length=32, blank=True)
    #: SHA-256 over the entry before it in the business, and this one.
    previous_hash = models.CharField(max_length=64, blank=True)
    hash = models.CharField(max_length=64)

    objects: ClassVar["models.Manager[AuditEntry]"] = ScopedManager(
        _manager_class=models.Manager.from_queryset(_Kept), business="business"
    )

    class Meta:
        ordering = ("-id",)
        verbose_name_plural = "audit entries"
        indexes = (
            models.Index(fields=["business", "at"]),
            models.Index(fields=["business", "subject"]),
        )

    def __str__(self) -> str:
        return self.words

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise AppendOnly("An entry of the audit trail stays as it is.")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise AppendOnly("An entry of the audit trail stays.")
