"""The connectors there are, and how the environment configures them."""

import os
import re
from pathlib import Path

import pytest

from connectors import registry
from connectors.base import Connector

SLUGS = sorted(registry.CONNECTORS)
FOLDER = Path(registry.__file__).parent


@pytest.mark.parametrize("slug", SLUGS)
def test_a_connector_is_what_it_is_registered_as(slug: str) -> None:
    found = registry.connector_class(slug)
    assert issubclass(found, Connector)
    assert found.slug == slug
    assert found.name
    assert registry.connector_class(slug) is found


def test_every_folder_of_a_service_is_registered() -> None:
    folders = {p.parent.name for p in FOLDER.glob("*/__init__.py")} - {"sandbox"}
    assert folders == set(SLUGS)


def test_a_connector_there_is_not_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        registry.connector_class("myspace")


@pytest.mark.parametrize("slug", SLUGS)
def test_defaults_are_the_real_services_and_the_environment_changes_them(slug: str) -> None:
    settings = {s.name: s for s in registry.connector_class(slug).settings}
    plain = registry.configured(slug, {}).config
    assert plain == {name: s.default for name, s in settings.items()}
    for name, setting in settings.items():
        assert re.fullmatch(rf"{slug.upper()}_[A-Z_]+", name)
        assert setting.help
        assert setting.kind in {"url", "secret", "text", "date"}
        if setting.kind == "url":
            assert setting.default.startswith("https://")
        if setting.kind == "secret":
            assert not setting.default
        changed = registry.configured(slug, {name: "changed", "UNRELATED": "x"}).config
        assert changed == {**plain, name: "changed"}
        assert registry.configured(slug, {name: ""}).config == plain


def test_one_connector_is_kept_for_the_process() -> None:
    for slug in SLUGS:
        found = registry.get(slug)
        assert registry.get(slug) is found
        for setting in found.settings:
            assert found.config[setting.name] == (os.environ.get(setting.name) or setting.default)


@pytest.mark.parametrize("slug", SLUGS)
def test_what_a_connector_says_of_itself_is_whole(slug: str) -> None:
    connector = registry.configured(slug, {})
    assert connector.resources
    for name, resource in connector.resources.items():
        assert resource.name == name
        assert resource.label == resource.label.lower()
        paths = [f.path for f in connector.catalogue(name)]
        assert len(paths) == len(set(paths))
        assert any(f.writable for f in connector.catalogue(name)) == resource.writable
    assert len({m.slug for m in connector.auth_methods}) == len(connector.auth_methods) > 0
    assert all(m.kind in {"oauth", "key"} for m in connector.auth_methods)
