"""The standing cast: Alice owns Acme, Bob works there, Mallory owns a business of her own."""

import pytest
from django.test import Client

from portal.models import Business, Membership, User

PASSWORD = "a long enough word"


def person(business: Business, name: str, role: str, **fields: object) -> User:
    user = User.objects.create_user(email=f"{name.lower()}@example.com", password=PASSWORD, name=name, **fields)
    Membership.objects.create(business=business, user=user, role=role)
    return user


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def acme(db: None) -> Business:
    return Business.objects.create(name="Acme Plumbing")


@pytest.fixture
def rival(db: None) -> Business:
    return Business.objects.create(name="Rival Electrics")


@pytest.fixture
def alice(acme: Business) -> User:
    return person(acme, "Alice", "owner")


@pytest.fixture
def bob(acme: Business) -> User:
    return person(acme, "Bob", "office")


@pytest.fixture
def mallory(rival: Business) -> User:
    return person(rival, "Mallory", "owner")
