"""What every connector must make of webhooks, with deliveries that its stand-in really sent."""

import contextlib
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors import registry
from connectors.base import Connector, Credentials, Notice, NoticeKind
from connectors.errors import ContractError, SignatureError
from connectors.sandbox.running import running
from tests.connectors.cases import case
from tests.connectors.cases.base import Case
from tests.connectors.letterbox import Letterbox, letterbox
from tests.connectors.stripe_calls import eventually
from tests.strategies import values

pytestmark = pytest.mark.sandbox
SLUGS = sorted(registry.CONNECTORS)
EVERY = [(slug, r.name) for slug in SLUGS for r in registry.connector_class(slug).resources.values() if r.notified]


@dataclass
class Post:
    """A connected business whose deliveries arrive in the box."""

    there: Case
    box: Letterbox
    held: Credentials

    @property
    def connector(self) -> Connector:
        return self.there.connector()

    def notices(self, count: int) -> list[Notice]:
        """The first `count` deliveries, verified and read."""
        eventually(lambda: len(self.box.letters) >= count)
        for path, body, headers in self.box.letters[:count]:
            assert path == f"/webhooks/{self.there.slug}/"
            self.connector.verify(body, headers)
        return [self.connector.parse(body) for _, body, _ in self.box.letters[:count]]


@pytest.fixture
def post(slug: str) -> Iterator[Post]:
    with letterbox() as box, running({"SANDBOX_LIMITS": "off", "SANDBOX_PORTAL_URL": box.url}, seed="empty") as found:
        there = case(slug, found, portal=box.url)
        held = there.connect()
        yield Post(there, box, held)


def about(notices: list[Notice], resource: str) -> list[Notice]:
    return [n for n in notices if n.resource == resource]


@pytest.mark.parametrize(("slug", "resource"), EVERY)
def test_adding_editing_and_removing_says_what_to_look_at(post: Post, resource: str) -> None:
    made = post.there.add(resource, "Ann", "ann@example.com")
    post.there.edit(resource, made, "Renamed")
    expected = {NoticeKind.CHANGED: 2}
    if resource not in post.there.lasting:
        post.there.remove(resource, made)
        expected[NoticeKind.DELETED] = 1
    eventually(lambda: Counter(n.kind for n in _of(post, made)) >= Counter(expected))
    found = _of(post, made)
    assert {n.kind for n in found} == set(expected)
    for notice in found:
        assert (notice.resource, notice.record_id) == (resource, made)
        assert notice.account_id == post.held.account_id
        assert notice.topic
        assert notice.occurred_at is not None
        assert notice.occurred_at.tzinfo is not None
        assert notice.hint is None or notice.hint.id == made
    assert len({(n.topic, n.event_id) for n in found}) == len(found)


def _of(post: Post, record_id: str) -> list[Notice]:
    return [n for n in post.notices(len(post.box.letters)) if n.record_id == record_id]


@pytest.mark.parametrize("slug", SLUGS)
def test_a_business_that_lets_us_go_is_told_of(post: Post) -> None:
    post.there.let_go()
    eventually(lambda: any(n.kind == NoticeKind.DISCONNECTED for n in post.notices(len(post.box.letters))))
    found = [n for n in post.notices(len(post.box.letters)) if n.kind == NoticeKind.DISCONNECTED]
    assert [n.account_id for n in found] == [post.held.account_id]


# With one real delivery of each


@pytest.fixture(scope="module")
def letters() -> dict[str, tuple[Connector, bytes, dict[str, str]]]:
    """{slug: (connector, body, headers)}"""
    found = {}
    for slug, resource in dict(EVERY).items():
        with letterbox() as box, running({"SANDBOX_PORTAL_URL": box.url}, seed="empty") as sandbox:
            there = case(slug, sandbox, portal=box.url)
            there.connect()
            made = there.add(resource, "Ann", "ann@example.com")
            eventually(lambda b=box, m=made: any(m.encode() in body for body in b.bodies))
            _, body, headers = next(letter for letter in box.letters if made.encode() in letter[1])
            found[slug] = (there.connector(), body, headers)
    return found


@pytest.mark.parametrize("slug", dict(EVERY))
def test_header_names_come_in_any_case(letters: dict[str, Any], slug: str) -> None:
    connector, body, headers = letters[slug]
    connector.verify(body, headers)
    connector.verify(body, {k.lower(): v for k, v in headers.items()})
    connector.verify(body, {k.upper(): v for k, v in headers.items()})


@pytest.mark.parametrize("slug", dict(EVERY))
@given(data=st.data())
def test_a_flipped_bit_is_noticed(letters: dict[str, Any], slug: str, data: st.DataObject) -> None:
    connector, body, headers = letters[slug]
    place, bit = data.draw(st.integers(0, len(body) - 1)), data.draw(st.integers(0, 7))
    forged = bytearray(body)
    forged[place] ^= 1 << bit
    with pytest.raises(SignatureError):
        connector.verify(bytes(forged), headers)


@pytest.mark.parametrize("slug", dict(EVERY))
@given(data=st.data())
def test_a_changed_signature_is_noticed(letters: dict[str, Any], slug: str, data: st.DataObject) -> None:
    connector, body, headers = letters[slug]
    signed = {k: v for k, v in headers.items() if "signature" in k.lower() or "hmac" in k.lower()}
    assert signed
    for name, value in signed.items():
        place = data.draw(st.integers(0, len(value) - 1))
        other = data.draw(st.characters(codec="latin-1").filter(lambda c, old=value[place]: c != old))
        changed = f"{value[:place]}{other}{value[place + 1 :]}"
        with pytest.raises(SignatureError):
            connector.verify(body, headers | {name: changed})


@pytest.mark.parametrize("slug", dict(EVERY))
@given(body=st.binary(max_size=300), header=st.text(max_size=80))
def test_what_is_not_signed_is_refused(letters: dict[str, Any], slug: str, body: bytes, header: str) -> None:
    connector, _, headers = letters[slug]
    for forged in ({}, dict.fromkeys(headers, header), headers):
        with pytest.raises(SignatureError):
            connector.verify(body, forged)


@pytest.mark.parametrize("slug", dict(EVERY))
@given(body=st.one_of(st.binary(max_size=200), values.map(lambda v: json.dumps(v).encode())))
def test_what_cannot_be_read_is_said_so(letters: dict[str, Any], slug: str, body: bytes) -> None:
    with contextlib.suppress(ContractError):
        assert isinstance(letters[slug][0].parse(body), Notice)


@pytest.mark.parametrize("slug", dict(EVERY))
@given(data=st.data(), odd=values)
def test_a_delivery_with_an_odd_value_is_read_or_said_not_to_be(
    letters: dict[str, Any], slug: str, data: st.DataObject, odd: Any
) -> None:
    """Any one value of a real body replaced by any other."""
    connector, body, _ = letters[slug]
    event = json.loads(body)
    holder = event
    while True:
        name = data.draw(st.sampled_from(sorted(holder)))
        inner = holder[name]
        if isinstance(inner, dict) and inner and data.draw(st.booleans()):
            holder = inner
            continue
        holder[name] = odd
        break
    with contextlib.suppress(ContractError):
        assert isinstance(connector.parse(json.dumps(event).encode()), Notice)
