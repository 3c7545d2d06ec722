import sys
from unittest.mock import MagicMock

import pytest
from django.test import Client
from django_scopes import scope

from connectors import registry
from portal import tokens
from portal.models import Business, Connection, Membership, User
from syncs.models import Rule, Sync
from tests import factories
from tests.conftest import person, signed_in
from tests.portal import fake_service, rows
from tests.portal.fake_service import FakeService
from tests.portal.rows import World


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> FakeService:
    fake = FakeService()
    monkeypatch.setitem(registry.CONNECTORS, "jobber", "tests.portal.fake_service:FakeService")
    monkeypatch.setattr(registry, "get", lambda slug: fake)
    return fake


@pytest.fixture
def parking(monkeypatch: pytest.MonkeyPatch) -> MagicMock:
    """Stands in for the lanes, and remembers who was parked."""
    fake = fake_service.lanes()
    monkeypatch.setitem(sys.modules, "syncs.lanes", fake)
    monkeypatch.setattr("syncs.lanes", fake, raising=False)
    return fake


def connected(service: FakeService, business: Business, **changes: object) -> Connection:
    with scope(business=business):
        row = Connection(business=business, connector="jobber", method="connect", account_id="acc-1")
        row.account_name = "Green Gardens"
        values = tokens.columns(row, fake_service.due(service)) | changes
        for name, value in values.items():
            setattr(row, name, value)
        row.save()
    return row


@pytest.fixture
def garden(db: None) -> Business:
    return Business.objects.create(name="Garden")


@pytest.fixture
def owner(garden: Business) -> User:
    user = User.objects.create_user(email="owner@example.com", password="a long enough word")
    Membership.objects.create(business=garden, user=user, role="owner")
    return user


@pytest.fixture
def clients(acme: Business) -> Sync:
    """Live between two accounts."""
    with scope(business=acme):
        return factories.sync(acme)


@pytest.fixture
def staff(acme: Business) -> Client:
    """Looks after Acme in the admin."""
    return signed_in(person(acme, "Stella", "staff", is_staff=True))


@pytest.fixture
def here(acme: Business, alice: User) -> World:
    """A row of everything, but no rules."""
    made = rows.world(acme)
    with scope(business=acme):
        Rule.objects.all().delete()
    return made
