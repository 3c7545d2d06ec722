"""Records of people who were erased: their ids at the services, so that nobody reads them in again unasked."""

from typing import ClassVar

from django.db import models
from django.utils import timezone
from django_scopes import ScopedManager


class Erased(models.Model):
    """One record that is not to be known here any more. Kept by syncs.erasing and syncs.barring alone."""

    business = models.ForeignKey("portal.Business", models.CASCADE, related_name="+")
    connection = models.ForeignKey("portal.Connection", models.CASCADE, related_name="+")
    resource = models.CharField(max_length=40)
    external_id = models.CharField(max_length=255)
    at = models.DateTimeField(default=timezone.now)

    objects: ClassVar["models.Manager[Erased]"] = ScopedManager(business="business")

    class Meta:
        ordering = ("-id",)
        verbose_name_plural = "erased"
        constraints = (
            models.UniqueConstraint(fields=["connection", "external_id", "resource"], name="one_erased_per_record"),
        )

    def __str__(self) -> str:
        return f"{self.resource} {self.external_id}"
