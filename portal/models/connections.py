"""A business's authorised link to one outside service."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone
from django_scopes import ScopedManager

from connectors import registry
from connectors.base import Budget, Connector, Credentials, Session
from portal.crypto import EncryptedTextField
from portal.models.businesses import Business

CONNECTORS = [(slug, slug.title()) for slug in registry.CONNECTORS]


class Connection(models.Model):
    class Status(models.TextChoices):
        ACTIVE = "active", "Connected"
        NEEDS_RECONNECT = "needs_reconnect", "Needs reconnecting"
        OFF = "off", "Disconnected"

    business = models.ForeignKey(Business, models.CASCADE, related_name="connections")
    connector = models.CharField(max_length=20, choices=CONNECTORS)
    method = models.CharField(max_length=20)
    account_id = models.CharField(max_length=120)
    account_name = models.CharField(max_length=200, blank=True)
    country = models.CharField(max_length=2, blank=True)
    currency = models.CharField(max_length=3, blank=True)
    livemode = models.BooleanField(default=True)
    account_url = models.URLField(max_length=500, blank=True)

    #: JSON of connectors.base.Credentials; written and read by `portal.tokens` alone.
    credentials = EncryptedTextField(blank=True, editable=False)
    #: SHA-256 of the refresh token (or the access token where there is none): the compare-and-set handle.
    credentials_digest = models.CharField(max_length=64, blank=True, editable=False)
    scopes = models.JSONField("granted scopes", default=list, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    refreshed_at = models.DateTimeField("last refresh", null=True, blank=True)
    refresh_failed_at = models.DateTimeField(null=True, blank=True)
    refresh_lease = models.CharField(max_length=64, blank=True, editable=False)
    refresh_lease_until = models.DateTimeField(null=True, blank=True, editable=False)

    status = models.CharField(max_length=20, choices=Status.choices, default=Status.ACTIVE)
    status_reason = models.CharField(max_length=300, blank=True)
    status_since = models.DateTimeField(default=timezone.now)
    connected_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    connected_at = models.DateTimeField(default=timezone.now)
    last_ok_at = models.DateTimeField(null=True, blank=True)
    #: The rate budgets as the service said them last: [{label, available, maximum, restore_per_second}].
    budgets = models.JSONField(default=list, blank=True)
    #: What the account's owner has to know, as `portal.accountwatch` found it, and when the service was asked.
    concerns = models.JSONField(default=list, blank=True)
    watched_at = models.DateTimeField("account looked at", null=True, blank=True)
    #: Somebody wants it to be looked at since then.
    watch_asked_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects: ClassVar["models.Manager[Connection]"] = ScopedManager(business="business")

    class Meta:
        ordering = ("connector", "id")
        constraints = (
            models.UniqueConstraint(
                fields=["connector", "account_id"],
                condition=~models.Q(status="off"),
                name="one_connection_per_outside_account",
            ),
            models.UniqueConstraint(
                fields=["business", "connector"],
                condition=~models.Q(status="off"),
                name="one_connection_per_connector_and_business",
            ),
        )

    def __str__(self) -> str:
        return f"{self.get_connector_display()} · {self.account_name or self.account_id}"

    @property
    def service(self) -> Connector:
        return registry.get(self.connector)

    def open(self) -> Session:
        """A session with credentials that are valid now, refreshed when due. AuthError when a person must reconnect."""
        from portal import tokens

        return self._begun(tokens.current(self))

    def reopen(self, refused: Credentials) -> Session:
        """After the service refused these credentials: one refresh, whoever asks, then a new session. AuthError."""
        from portal import tokens

        return self._begun(tokens.renewed(self, refused))

    def _begun(self, credentials: Credentials) -> Session:
        session = self.service.open(credentials)
        session.recall([Budget(**kept) for kept in self.budgets])
        return session


class ConnectStart(models.Model):
    """One press of Connect: what the callback must bring back. Used once, for ten minutes, by the same browser."""

    business = models.ForeignKey(Business, models.CASCADE, related_name="+")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    connector = models.CharField(max_length=20, choices=CONNECTORS)
    method = models.CharField(max_length=20)
    state_digest = models.CharField(max_length=64, unique=True)
    session_digest = models.CharField(max_length=64)
    verifier = EncryptedTextField(blank=True, editable=False)
    reconnects = models.ForeignKey(Connection, models.CASCADE, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    used_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects: ClassVar["models.Manager[ConnectStart]"] = ScopedManager(business="business")

    def __str__(self) -> str:
        return f"{self.connector} · {self.created_at:%Y-%m-%d %H:%M}"
