import socket
from collections.abc import Iterator

import pytest

from connectors import registry
from portal.models import Business, Connection, User
from syncs import looking
from syncs.models import Sync
from tests.syncs import world as worlds
from tests.syncs.world import World


def _begin(seed: str, business: Business, owner: User, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    looking._compiled.cache_clear()  # the rows of another test had the same ids
    with worlds.sandbox(seed) as found:
        services = worlds.configured(found.url)
        monkeypatch.setattr(registry, "get", services.__getitem__)
        with worlds.world(found, business, owner) as world:
            yield world


@pytest.fixture
def world(acme: Business, alice: User, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """Both sides empty."""
    yield from _begin("empty", acme, alice, monkeypatch)


@pytest.fixture
def demo(acme: Business, alice: User, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """200 clients and 40 customers, some of them the same people."""
    yield from _begin("demo", acme, alice, monkeypatch)


@pytest.fixture
def here(world: World) -> World:
    """Both sides empty, and live."""
    world.go_live()
    return world


@pytest.fixture
def invoices(here: World, alice: User) -> Sync:
    """Live beside the clients."""
    return here.also("invoices-to-stripe", alice)


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks for anything outside of this process fails the test."""

    def refuse(*args: object, **more: object) -> None:
        raise AssertionError("Somebody outside was asked.")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket.socket, "connect_ex", refuse)
    monkeypatch.setattr(Connection, "open", refuse)
    monkeypatch.setattr(Connection, "reopen", refuse)
