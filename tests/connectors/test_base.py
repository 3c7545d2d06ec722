"""The values that connectors speak in."""

import json
from typing import Any

from hypothesis import given

from connectors.base import Record, Secret, storable
from tests.strategies import values


@given(values)
def test_whatever_a_service_sends_can_be_stored(found: Any) -> None:
    kept = json.dumps(storable(found), ensure_ascii=False)
    assert "\\u0000" not in kept
    kept.encode()
    assert storable(storable(found)) == storable(found)


def test_what_can_be_stored_is_left_as_it_is() -> None:
    found = {"name": "Zoë 👷 O'Brien", "tags": ["مرحبا", 1, None], "note": "back\\slash u0000"}
    assert storable(found) is found
    assert storable({"na\x00me": ["a\ud800b", {"c": "\udfff"}]}) == {"name": ["ab", {"c": ""}]}


def test_a_secret_shows_itself_only_when_asked() -> None:
    secret = Secret("canary-token")
    assert "canary" not in f"{secret} {secret!r} {[secret]}"
    assert secret.reveal() == "canary-token"
    assert (bool(secret), bool(Secret(""))) == (True, False)
    assert secret == Secret("canary-token") != Secret("another")


def test_a_fingerprint_is_that_of_the_data_whatever_its_order() -> None:
    one, other = Record("1", {"a": 1, "b": "é\ud800"}, "x"), Record("2", {"b": "é\ud800", "a": 1}, "y")
    assert one.fingerprint == other.fingerprint
    assert one.fingerprint != Record("1", {"a": 2, "b": "é\ud800"}, "x").fingerprint
