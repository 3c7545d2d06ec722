"""What the preview shows of a record is what Stripe is sent for it, byte for byte, whatever the mapping."""

import json
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

import pytest
from django_scopes import scope
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from connectors import registry
from connectors.base import Credentials, Secret, storable
from portal import previews, sides
from portal.models import Business, User
from portal.previews import Tried
from syncs import choosing, trying
from syncs.mapping import MappingError, compile_row, compile_version
from syncs.models import FieldMapping, Link, Snapshot, Sync, Write
from syncs.transforms import CATALOGUE
from syncs.trying import Outcome, Trial
from tests import factories
from tests.connectors.loopback import Loopback, answer, serving
from tests.strategies import scalars, texts
from tests.syncs.world import World, addresses

PATHS = (
    "name", "first_name", "last_name", "company_name", "title", "email", "phone", "phone_normalized", "tags", "balance",
    "is_company", "created_at", "billing_address.street1", "billing_address.city", "billing_address.country",
    "custom.gate_code", "custom.Häuser & Höfe",
)  # fmt: skip
TARGETS = (
    "name", "business_name", "individual_name", "email", "phone", "description", "address.line1", "address.city",
    "address.state", "address.country", "metadata.one", "metadata.two.dots", "metadata.cf_*",
)  # fmt: skip
STEPS = [{"name": entry.name, **dict(example.arguments)} for entry in CATALOGUE.values() for example in entry.examples]
RECORDS, EXAMPLES, SENT = 10, 100, 40


def _row(target: str, sources: Sequence[str], steps: Sequence[Mapping[str, Any]], mode: str) -> Any:
    """A row that can be published, or None."""
    paths = ["custom.*"] if target.endswith("*") else list(dict.fromkeys(sources))
    row = {"sources": paths, "target": target, "transforms": [dict(s) for s in steps], "mode": mode}
    try:
        compile_row(row)
    except MappingError:
        return None
    return row


rows = st.builds(
    _row, st.sampled_from(TARGETS), st.lists(st.sampled_from(PATHS), min_size=1, max_size=3),
    st.lists(st.sampled_from(STEPS), max_size=3), st.sampled_from(["always", "when_new", "merge"]),
).filter(bool)  # fmt: skip
mappings = st.lists(rows, min_size=1, max_size=8, unique_by=lambda row: row["target"] if row else "")
#: What services put into fields: a value, or a list of texts.
read = st.one_of(scalars, st.lists(texts, max_size=4))
people = st.lists(st.dictionaries(st.sampled_from(PATHS), read, max_size=10), min_size=RECORDS, max_size=RECORDS)


def trial(sync: Sync, data: Sequence[Mapping[str, Any]]) -> Trial:
    """Records that nobody has stored, each without a counterpart."""
    now = datetime(2026, 1, 31, tzinfo=UTC)
    sources, links = {}, []
    for number, given_data in enumerate(data, start=1):
        key = f"client-{number}"
        kept = json.loads(json.dumps(storable({**given_data, "id": key})))
        sources[key] = Snapshot(
            business=sync.business, connection=sync.source, resource="clients", external_id=key, data=kept,
            label=f"Client {number}", fingerprint="", read_at=now,
        )  # fmt: skip
        links.append(Link(pk=number, business=sync.business, sync=sync, source_id=key, noticed=1))
    return Trial(sync, links, sources, {}, [])


def sent(wire: Loopback, session: Any, record: Tried) -> dict[str, str]:
    """What goes over the wire when the record is created with what the preview shows."""
    wire.requests.clear()
    session.create("customers", record.plan.data, key=f"key-{record.link.pk}", deadline=time.monotonic() + 30)
    [request] = wire.requests
    body = request.partition(b"\r\n\r\n")[2]
    return dict(parse_qsl(body.decode("ascii"), keep_blank_values=True, strict_parsing=bool(body)))


def expected(record: Tried) -> dict[str, str]:
    """What the preview shows, in Stripe's way of writing a form."""
    found = {}
    for path, value in record.plan.data.items():
        head, _, key = path.partition(".")
        name = f"{head}[{key}]" if key else head
        if value not in ("", None, []):
            found.update(_form(name, value))
    return found


def _form(name: str, value: Any) -> dict[str, str]:
    if isinstance(value, list):
        return {f"{name}[{n}]": one for n, one in enumerate(value)}
    return {name: str(value).lower() if isinstance(value, bool) else str(value)}


CUSTOMER = json.dumps({"id": "cus_1", "object": "customer", "created": 1, "metadata": {}, "livemode": False}).encode()
COUNTED = {"pairs": 0, "written": 0}


@pytest.fixture
def sync(acme: Business, alice: User) -> Sync:
    with scope(business=acme):
        return factories.sync(acme)


def test_a_thousand_pairs_of_record_and_mapping(sync: Sync) -> None:
    COUNTED.update(pairs=0, written=0)
    tell = sides.teller(sync)
    with serving(answer("200 OK", CUSTOMER, "Content-Type: application/json", keep=True)) as wire:
        stripe = registry.configured("stripe", addresses(wire.url.removesuffix("/there")))
        session = stripe.open(Credentials("key", Secret("sk_test_wire")))

        @settings(max_examples=EXAMPLES, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
        @given(mappings, people)
        def each(chosen: list[dict[str, Any]], data: list[dict[str, Any]]) -> None:
            draft = compile_version({"mappings": chosen})
            for record in previews._tried(tell, trial(sync, data), draft, None):
                COUNTED["pairs"] += 1
                if not record.plan.writes:
                    assert record.badge is previews.OUTCOMES[Outcome.HOLD]
                    continue
                COUNTED["written"] += 1
                shown = {f.label: f.made for f in record.fields if f.sent}
                assert {tell.label(p): tell.shown(p, v) for p, v in record.plan.data.items()} == shown
                assert sent(wire, session, record) == expected(record)

        with scope(business=sync.business):
            each()
    assert COUNTED["pairs"] >= RECORDS * EXAMPLES
    assert COUNTED["written"] >= COUNTED["pairs"] / 2


MAPPING: tuple[tuple[str, list[str], list[dict[str, Any]]], ...] = (
    ("name", ["name"], [{"name": "case", "to": "upper"}]),
    ("description", ["title", "company_name"], [{"name": "join", "separator": " · "}, {"name": "text"}]),
    ("metadata.balance", ["balance"], []),
    ("metadata.archived", ["is_archived"], [{"name": "flag", "on": "yes"}]),
    ("metadata.since", ["created_at"], [{"name": "date", "zone": "Australia/Sydney"}]),
)
ODD = (
    "O'Brien & Söhne",
    "=cmd|'/c calc'!A0",
    "👩‍👩‍👧‍👦 Family",
    "مرحبا",
    "a, b; c",
    "N" * 120,
    "e\u0301galité",
    "100% + 1",
)


def test_stripe_holds_what_was_shown(here: World) -> None:
    """Through the sandboxes: some tens of clients, odd names among them."""
    for number in range(SENT):
        odd = ODD[number % len(ODD)]
        here.jobber.add(f"{odd}"[:60], f"Nr {number}", f"c{number}@example.com", companyName=odd if number % 3 else "")
    here.sync.mode = Sync.Mode.PREVIEW
    here.sync.save()
    choosing.review(here.sync)
    here.work()
    for position, (target, paths, steps) in enumerate(MAPPING):
        FieldMapping.objects.update_or_create(
            sync=here.sync, target_path=target,
            defaults={"business": here.business, "sources": paths, "transforms": steps, "position": position},
        )  # fmt: skip
    content = choosing.checked_draft(here.sync)
    links = list(Link.objects.filter(sync=here.sync))
    found = trying.trial(here.sync, links)
    shown = {
        record.link.source_id: record.plan.data
        for record in previews._tried(sides.teller(here.sync), found, compile_version(content), None)
    }
    assert len(shown) == SENT
    choosing.publish(here.sync, None, "as shown")
    here.go_live()
    assert {w.link.source_id: w.params for w in Write.objects.select_related("link")} == shown
    held = {c["metadata"]["jobber_client_id"]: c for c in here.stripe.customers()}
    for key, data in shown.items():
        for path, value in data.items():
            head, _, name = path.partition(".")
            there = (held[key][head] or {}).get(name) if name else held[key][head]
            assert (there or "") == ("" if value in (None, "") else str(value)), path
