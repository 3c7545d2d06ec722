"""The made-up invoices: always the same, and with the cases in them that are promised."""

from collections import Counter
from decimal import Decimal

from connectors.jobber.sandbox.ids import encoded
from connectors.sandbox.paper import paper
from connectors.sandbox.people import people
from connectors.sandbox.running import running


def test_they_are_the_same_each_time_and_a_shorter_list_is_the_beginning_of_a_longer() -> None:
    assert paper() == paper()
    assert paper(10) == paper()[:10]
    longer = paper(130)
    assert len({i.number for i in longer}) == len(longer) - 2  # one pair of equal numbers in each 60


def test_a_longer_list_can_be_put_into_jobber_with_its_payments() -> None:
    with running({"SANDBOX_LIMITS": "off"}, seed="70+300") as found:
        held = found.sandbox.services["jobber"].state["accounts"]["1"]["invoices"]
        assert list(held) == [i.jobber_id for i in paper(300)]
        assert all(i["amounts"]["invoiceBalance"] >= 0 for i in held.values() if i["sent"] and not i["payments"])


def test_every_state_is_among_them() -> None:
    states = Counter(i.status for i in paper())
    assert states == {"sent": 48, "draft": 8, "bad_debt": 3, "received": 1}
    open_ones = [i for i in paper() if i.status == "sent" and i.place >= 30]
    assert Counter(i.due_days_ago > 0 for i in open_ones) == {True: 12, False: 11}
    assert {p.kind for i in paper() for p in i.payments} == {"PAYMENT", "DEPOSIT", "REFUND"}
    assert {i.inclusive for i in paper()} == {True, False}


def test_the_four_that_stripe_knows_are_sent_inclusive_and_below_5000_dollars() -> None:
    four = [i for i in paper() if i.paid_at_stripe]
    assert Counter(i.paid_at_stripe for i in four) == {"paid": 3, "disputed": 1}
    assert all(i.status == "sent" and i.inclusive and i.discount is None for i in four)
    assert all(Decimal("0.5") < sum(line.total for line in i.lines) < 5000 for i in four)
    assert sum(not i.payments for i in four if i.paid_at_stripe == "paid") == 2
    assert four[0].jobber_id == encoded("Invoice", 1000 + four[0].place)


def test_the_hard_cases_are_among_them() -> None:
    made, known = paper(), {p.number: p for p in people(200)}
    assert sum(not known[i.person].email for i in made) == 1
    assert sum(known[i.person].is_archived for i in made) == 1
    assert not any(known[i.person].is_lead for i in made)
    assert max(len(i.custom) for i in made) > 4
    assert [n for n, times in Counter(i.number for i in made).items() if times == 2] == ["1033"]


def test_only_one_has_gst_that_depends_on_where_it_is_rounded() -> None:
    differing = []
    for invoice in (i for i in paper() if not i.inclusive and not i.discount):
        taxed = [line.total for line in invoice.lines if line.taxable]
        by_line = sum((t / 10).quantize(Decimal("0.01")) for t in taxed)
        if by_line != (sum(taxed, Decimal(0)) / 10).quantize(Decimal("0.01")):
            differing.append(invoice.place)
    assert differing == [47]
