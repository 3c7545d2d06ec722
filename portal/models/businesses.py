"""Tenants, who belongs to them, and who has been asked to."""

import secrets
from datetime import datetime, timedelta
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone
from django_scopes import ScopedManager


class Role(models.TextChoices):
    OWNER = "owner", "Owner"
    OFFICE = "office", "Office"
    STAFF = "staff", "Integration staff"
    SUPPORT = "support", "Support"
    READ_ONLY = "read_only", "Read only"


class Business(models.Model):
    name = models.CharField(max_length=120)
    country = models.CharField(max_length=2, default="AU")
    currency = models.CharField(max_length=3, default="AUD")
    time_zone = models.CharField(max_length=64, default="Australia/Sydney")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        verbose_name_plural = "businesses"
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    business = models.ForeignKey(Business, models.CASCADE, related_name="memberships")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=12, choices=Role.choices, default=Role.READ_ONLY)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["business", "user"], name="one_membership_per_business"),)

    def __str__(self) -> str:
        return f"{self.user} · {self.business} · {self.get_role_display()}"


def _invitation_expiry() -> datetime:
    return timezone.now() + timedelta(days=7)


class Invitation(models.Model):
    """An email address asked to join. The link holds the key; the row holds only its digest."""

    business = models.ForeignKey(Business, models.CASCADE, related_name="invitations")
    email = models.EmailField()
    role = models.CharField(max_length=12, choices=Role.choices, default=Role.OFFICE)
    key_digest = models.CharField(max_length=64, unique=True, editable=False)
    invited_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField(default=_invitation_expiry)
    accepted_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects: ClassVar["models.Manager[Invitation]"] = ScopedManager(business="business")

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["business", "email"],
                condition=models.Q(accepted_at=None),
                name="one_open_invitation_per_address",
            ),
        )

    def __str__(self) -> str:
        return f"{self.email} · {self.business}"

    @staticmethod
    def new_key() -> str:
        return secrets.token_urlsafe(32)
