"""The pages of numbers over a hundred businesses with a million changes: how long each takes, and what it asks.

Rows are copied inside the database from one made as the engine leaves it. A tenth of all changes is one business's.
"""

import time
from collections.abc import Iterator
from statistics import median

from django.conf import settings
from django.core.management import call_command
from django.db import connection, models
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_scopes import scope

from portal.models import Business, Membership, User
from syncs.models import Invoice, Link, Sync
from tests import factories
from tests.bench import business as books
from tests.bench.setting import Setting
from tests.bench.table import Figure, at_most, plain

BUSINESSES, CHANGES = 100, 1_000_000
#: Of these, so many are the first business's; so many records has each hundred changes, a fifth of them invoices.
LARGEST, RECORDS_EACH = CHANGES // 10, 20
DAYS, ROUNDS = 30, 15
MOST_SECONDS = 0.3
PASSWORD = "a long enough word"  # of people who live as long as the measurement


def figures(setting: Setting) -> Iterator[Figure]:
    books.empty()
    began = time.monotonic()
    first = _filled()
    yield plain(f"a million changes of {BUSINESSES} businesses made in", time.monotonic() - began, "s", 0)
    owner, boss = _person(first), User.objects.create_superuser("boss@example.com", PASSWORD)
    day = f"{timezone.localdate():%Y-%m-%d}"
    pages = (
        ("support, across businesses", boss, "/admin/"), ("numbers of the largest business", owner, "numbers/"),
        ("its records of a day", owner, f"records/?written={day}"), ("its overview", owner, ""),
    )  # fmt: skip
    for words, who, path in pages:
        address = path if path.startswith("/") else f"/b/{first.pk}/{path}"
        yield from _page(words, who, address)


def _page(words: str, who: User, address: str) -> Iterator[Figure]:
    client = Client(HTTP_HOST=settings.HOST)
    client.force_login(who)
    spent, own = [], []
    for _ in range(ROUNDS + 1):
        began, cpu = time.perf_counter(), time.process_time()
        answer = client.get(address)
        spent.append(time.perf_counter() - began)
        own.append(time.process_time() - cpu)
        assert answer.status_code == 200, f"{address}: {answer.status_code}"
    yield at_most(words, median(spent[1:]), MOST_SECONDS, "s", 3)
    yield plain(f"  the quickest of {ROUNDS}, on a busy machine nearer the truth", min(spent[1:]), "s", 3)
    yield plain("  of that the portal's own work", median(own[1:]), "s", 3)
    with CaptureQueriesContext(connection) as asked:
        client.get(address)
    times = [float(each["time"]) for each in asked]
    yield plain("  all its queries, and the slowest", sum(times), f"s, {max(times):.3f} s", 3)
    yield plain("  queries, with those for who is signed in and the menu", len(asked), digits=0)


def _person(of: Business) -> User:
    user = User.objects.create_user(email="owner@example.com", password=PASSWORD, name="Olive")
    Membership.objects.create(business=of, user=user, role="owner")
    return user


def _filled() -> Business:
    first = None
    for number in range(BUSINESSES):
        made = Business.objects.create(name=f"Business {number}")
        first = first or made
        changes = LARGEST if number == 0 else (CHANGES - LARGEST) // (BUSINESSES - 1)
        with scope(business=made):
            _fill(made, changes)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE" if connection.vendor == "postgresql" else "ANALYZE")
    assert first is not None
    call_command("createcachetable", verbosity=0)
    return first


def _fill(made: Business, changes: int) -> None:
    clients = factories.sync(made)
    bills = factories.sync(made, recipe="invoices-to-stripe", source=clients.source, target=clients.target)
    Sync.objects.filter(business=made).update(polled_until=timezone.now())
    for sync, share in ((clients, 4), (bills, 1)):
        records = changes * RECORDS_EACH * share // 500
        links = _links(sync, records)
        _changes(sync, links, changes * share // 5)
    for sync, code in ((clients, "ambiguous"), (bills, "total_differs")):
        factories.incident(sync, code)


def _links(sync: Sync, count: int) -> models.QuerySet[Link]:
    """Most in step; of every hundred one each waits, was left out, needs a look and has failed."""
    bills = sync.source_resource == "invoices"
    seen = (
        factories.written_invoice(sync.business, sync.source, f"seed-{sync.pk}")
        if bills
        else factories.client(sync.business, sync.source, f"seed-{sync.pk}")
    )  # fmt: skip
    seed = factories.link(sync, seen)
    place, cause = "CASE n % 100 {} ELSE {} END", "total_differs" if bills else "ambiguous"
    states = "WHEN 1 THEN 'due' WHEN 2 THEN 'skipped' WHEN 3 THEN 'held' WHEN 4 THEN 'parked'"
    _copied(
        seed, count,
        source_id=f"'r{sync.pk}-' || n", target_id=f"'t{sync.pk}-' || n", label="'Record ' || n",
        state=place.format(states, "'in_step'"),
        cause_code=place.format(f"WHEN 3 THEN '{cause}' WHEN 4 THEN 'gave_up'", "''"),
        noticed=place.format("WHEN 1 THEN 2", "1"), written_at="CASE n % 3 WHEN 0 THEN t.noticed_at END",
    )  # fmt: skip
    if bills:
        _copied(Invoice.objects.get(external_id=seen.external_id), count, external_id=f"'r{sync.pk}-' || n",
                number="'' || n")  # fmt: skip
    return Link.objects.filter(sync=sync)


def _changes(sync: Sync, links: models.QuerySet[Link], count: int) -> None:
    """Evenly over thirty days, each a look and a call."""
    seed = links.order_by("pk").first()
    assert seed is not None
    look, call = factories.attempt(seed, plan={"changes": [["name", "before", "after"]] * 3}), factories.write(seed)
    whose = f"{seed.pk} + n % {links.count()}"
    postgres = connection.vendor == "postgresql"

    def moment(column: str) -> str:
        if postgres:
            return f"t.{column} - n * interval '{DAYS * 86_400 / count:.3f} seconds'"
        return f"datetime(t.{column}, '-' || (n * {DAYS * 86_400 / count:.3f}) || ' seconds')"

    _copied(look, count - 1, link_id=whose, at=moment("at"), noticed_at=moment("noticed_at"))
    _copied(
        call, count - 1, link_id=whose, key=f"'k{sync.pk}-' || n", intended_at=moment("intended_at"),
        settled_at=moment("settled_at"), state="CASE n % 50 WHEN 0 THEN 'rejected' ELSE 'confirmed' END",
    )  # fmt: skip


def _copied(row: models.Model, count: int, **changes: str) -> None:
    """So many more of a row, with `changes` as SQL in which n counts from 1 and t is the row."""
    table = row._meta.db_table
    columns = [field.column for field in row._meta.concrete_fields if not field.primary_key]
    quoted = ", ".join(f'"{each}"' for each in columns)
    values = ", ".join(changes.get(each, f't."{each}"') for each in columns).replace("%", "%%")
    counted = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < %s)"
    with connection.cursor() as cursor:
        cursor.execute(
            f"{counted} INSERT INTO {table} ({quoted}) SELECT {values} FROM {table} t, c WHERE t.id = %s",
            [count, row.pk],
        )
