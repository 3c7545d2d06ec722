"""Search: by anything somebody may read out, in one business or several, and never in another's."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django_scopes import scope

from connectors.base import Record
from portal.models import Business, Membership, User
from syncs import finding
from syncs.models import Link, Snapshot, Sync
from tests import factories
from tests.conftest import person, signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def books(acme: Business) -> Sync:
    """Mrs Nguyen with an invoice of $1,250.50 that she has paid, and Mr Smith with one of $110.00."""
    return shop(acme)


def shop(business: Business) -> Sync:
    with scope(business=business):
        clients = factories.sync(business)
        both = {"source": clients.source, "target": clients.target}
        bills = factories.sync(business, recipe="invoices-to-stripe", **both)
        said = {"name": "Linh Nguyễn", "email": "linh@example.com", "phone": "0412 345 678"}
        her = factories.client(business, clients.source, "C-ONE", **said)
        there = factories.customer(business, clients.target, "cus_Linh9", **said)
        factories.link(clients, her, there)
        him = factories.client(business, clients.source, "C-TWO", name="Bert O’Brien-Smith", email="bert@example.org")
        factories.link(clients, him, state="skipped", cause="A lead is left out until it becomes a client.")
        bill = [("1042", "Linh Nguyễn", "C-ONE", "1250.50"), ("10425", "Bert", "C-TWO", "110.00")]
        for number, whose, client_id, total in bill:
            here = factories.written_invoice(
                business, clients.source, number=number, client_id=client_id, client_name=whose,
                total=total, balance=total,
            )  # fmt: skip
            cents = int(total.replace(".", ""))
            paid = factories.paid_invoice(business, clients.target, f"in_{number}", total=cents, amount_remaining=cents)
            factories.link(bills, here, paid)
        factories.payment(
            business, clients.target, "pi_Linh", invoice="in_1042", customer="cus_Linh9", amount=125050
        )  # fmt: skip
    return clients


def search(user: User, business: Business | None, asked: str) -> tuple[str, str]:
    """(the page one comes to, what it says)."""
    base = f"/b/{business.pk}" if business else ""
    answer = signed_in(user).get(f"{base}/search/", {"q": asked}, follow=True)
    assert answer.status_code == 200
    return str(answer.request["PATH_INFO"]), str(answer.content.decode())


@pytest.mark.parametrize("asked", [
    "Nguyen", "mrs nguyễn", "NGUYEN Linh", "linh@example.com", "0412 345 678", "+61 412 345 678", "C-ONE", "cus_Linh9",
    "https://dashboard.stripe.com/customers/cus_Linh9",
])  # fmt: skip
def test_a_client_is_found_by_whatever_she_reads_out(acme: Business, alice: User, books: Sync, asked: str) -> None:
    _, html = search(alice, acme, asked)
    assert "Linh Nguyễn" in html
    assert "Brien" not in html


@pytest.mark.parametrize("asked", ["Brien", "o'brien", "obrien", "brien-smith", "bert@", "C-TWO"])
def test_the_only_hit_is_opened_at_once(acme: Business, alice: User, books: Sync, asked: str) -> None:
    with scope(business=acme):
        link = Link.objects.get(sync=books, source_id="C-TWO")
        Snapshot.objects.filter(resource="invoices").update(words="")
    where, html = search(alice, acme, asked)
    assert where == f"/b/{acme.pk}/records/{link.pk}/"
    assert "A lead is left out" in html


@pytest.mark.parametrize("asked", ["1042", "invoice 1042", "Invoice no. 1042", "in_1042"])
def test_an_invoice_is_found_by_its_whole_number(acme: Business, alice: User, books: Sync, asked: str) -> None:
    where, html = search(alice, acme, asked)
    assert where.startswith(f"/b/{acme.pk}/invoices/")
    assert "<h1>Invoice 1042, Linh Nguyễn</h1>" in html


@pytest.mark.parametrize("asked", ["$1,250.50", "1250.5", "$ 1250.50"])
def test_an_amount_finds_the_invoice_and_its_payment(acme: Business, alice: User, books: Sync, asked: str) -> None:
    _, html = search(alice, acme, asked)
    assert "Invoice 1042, Linh Nguyễn" in html
    assert "Payment $1,250.50" in html
    assert "10425" not in html
    assert html.count("$1,250.50") >= 2


def test_both_sides_of_one_record_are_one_hit(acme: Business, alice: User, books: Sync) -> None:
    _, html = search(alice, acme, "linh")
    assert html.split('id="found-1"')[1].split("</section>")[0].count("<li") == 1
    for heading in ("Clients", "Invoices"):
        assert f">{heading}</h2>" in html


def test_what_only_one_side_knows_is_said_to_be_so(acme: Business, alice: User, books: Sync) -> None:
    with scope(business=acme):
        factories.customer(acme, books.target, "cus_stray", name="Zoe Stray", email="zoe@example.com")
    where, html = search(alice, acme, "zoe")
    assert where == f"/b/{acme.pk}/search/"
    assert "Zoe Stray" in html
    assert "Not kept in step" in html


@pytest.mark.parametrize(("asked", "words"), [
    ("", "What did they read out?"), ("x", "Say a little more"), ("  ", "What did they read out?"),
    ("nobody", "Nothing found"), ("' OR 1=1 --", "Nothing found"), ("%%", "Say a little more"),
    ("&|!:*()", "Say a little more"),
    ("<script>alert(1)</script>", "Nothing found"), ("9" * 300, "Nothing found"), ("\x00", "Say a little more"),
    ("https://[", "Nothing found"),
])  # fmt: skip
def test_what_finds_nothing_says_what_can_be_looked_for(
    acme: Business, alice: User, books: Sync, asked: str, words: str
) -> None:
    _, html = search(alice, acme, asked)
    assert words in html
    assert "the number of an invoice, an amount such as $1,250.50" in html
    assert "<script>alert" not in html


def test_nothing_of_another_business_is_found(acme: Business, rival: Business, alice: User, books: Sync) -> None:
    shop(rival)
    nobody = person(rival, "Nobody", "owner")
    with scope(business=rival):
        Link.objects.update(label="Rival secret")
        Snapshot.objects.update(label="Rival secret")
    for asked in ("linh", "1042", "$1,250.50", "secret", f"business{rival.pk}", "0412 345 678"):
        for where in (acme, None):
            assert "Rival secret" not in search(alice, where, asked)[1], asked
    assert "Rival secret" in search(nobody, None, "linh")[1]


def test_people_of_several_businesses_look_in_all_of_them(
    acme: Business, rival: Business, alice: User, books: Sync
) -> None:
    shop(rival)
    assert "Look in all your businesses" not in search(alice, acme, "linh")[1]
    Membership.objects.create(business=rival, user=alice, role="support")
    _, html = search(alice, acme, "linh")
    assert "Rival Electrics" not in html.split("<main")[1]
    assert "/search/?q=linh" in html
    _, html = search(alice, None, "linh")
    for business in (acme, rival):
        assert business.name in html
        assert f'href="/b/{business.pk}/records/' in html


def test_a_superuser_looks_everywhere_and_goes_on_in_the_admin(acme: Business, rival: Business, books: Sync) -> None:
    shop(rival)
    boss = User.objects.create_superuser("boss@example.com", "a long enough word", name="Boss")
    _, html = search(boss, None, "linh")
    assert "Acme Plumbing" in html
    assert "Rival Electrics" in html
    assert "/admin/syncs/link/" in html
    assert f"/b/{acme.pk}/" not in html


def test_a_search_takes_the_same_queries_however_much_is_found(acme: Business, alice: User, books: Sync) -> None:
    client = signed_in(alice)

    def queries(asked: str) -> int:
        with CaptureQueriesContext(connection) as found:
            client.get(f"/b/{acme.pk}/search/", {"q": asked})
        return len(found)

    few = queries("linh")
    with scope(business=acme):
        for number in range(80):
            her = factories.client(acme, books.source, name=f"Linh Number{number}")
            factories.link(books, her, factories.customer(acme, books.target, name=f"Linh Number{number}"))
    assert queries("linh") <= few
    assert few <= 18
    assert "There is more like it than is shown here." in search(alice, acme, "linh")[1]


def test_every_page_has_the_search_in_its_head(acme: Business, alice: User) -> None:
    for path in (f"/b/{acme.pk}/", f"/b/{acme.pk}/people/"):
        assert f'action="/b/{acme.pk}/search/"' in signed_in(alice).get(path).content.decode()
    assert 'action="/search/"' in signed_in(alice).get("/you/").content.decode()


# The words


@pytest.mark.parametrize(("name", "words"), [
    ("Đặng Thị Hương", "dang thi huong"), ("Müller & Söhne", "muller sohne"),
    ("Smith/Jones Pty. Ltd.", "smith jones pty ltd"),
    ("王小明", "王小明"), ("", ""), ("=cmd()|' /C calc'!A0", "cmd c calc a0"),
])  # fmt: skip
def test_words_are_plain(name: str, words: str) -> None:
    assert finding.words_of(Record("", {}, name)).strip() == words


def test_words_have_an_end() -> None:
    long = finding.words_of(Record("id", {}, "x" * 300, email="y" * 512, url=f"https://a.example/{'z ' * 400}"))
    assert len(long) <= 600


@pytest.mark.skipif(connection.vendor != "postgresql", reason="Only PostgreSQL keeps an index of words.")
def test_a_search_in_one_business_goes_by_the_index(acme: Business, books: Sync) -> None:
    with scope(business=acme), connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_indexscan = off")
        found = finding.matching(finding.asked_for("linh nguyen"), [acme.pk])
        assert "snapshot_words" in found.explain()
        assert {row.external_id for row in found} >= {"C-ONE", "cus_Linh9"}
