"""What must hold about invoices and payments once the work is done: asked of the services first, then of our tables."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from syncs.invoices.back import STILL_OPEN
from syncs.models import Link
from tests.faults.people import People
from tests.faults.shelves import INVOICE
from tests.faults.world import Tenant
from tests.syncs.papers import Paper

STOPPED = {Link.State.HELD, Link.State.CONFLICT, Link.State.PARKED}
#: {status in Jobber: what the invoice at Stripe may be}; none where it is not to be paid.
_TO_PAY = frozenset({"open", "paid", "uncollectible"})
MEANT: Mapping[str, frozenset[str]] = {
    "awaiting_payment": _TO_PAY, "sent_not_due": _TO_PAY, "past_due": _TO_PAY, "paid": frozenset({"paid"}),
    "bad_debt": frozenset({"uncollectible"}), "draft": frozenset(), "voided": frozenset(),
}  # fmt: skip
CUSTOMER = "metadata.jobber_client_id"
#: The place of the sync of pages to pay by.
PAGES = 2


def of_papers(tenant: Tenant, people: People) -> Iterator[str]:
    links = {link.source_id: link for link in Link.objects.filter(sync=tenant.invoices)}
    for bill in sorted({*tenant.bills.held, *(str(h.get(INVOICE)) for h in tenant.drawer.invoices.values())}):
        there, link = tenant.drawer.of(bill), links.get(bill)
        if len(there) > 1:
            yield f"{bill} is {[h['id'] for h in there]} in Stripe"
        elif link is None:
            yield f"{bill} was never noticed"
        elif link.state in STOPPED:
            yield from _stopped(tenant, people, bill, link)
        elif bill in tenant.bills.held:
            yield from _as_it_is(tenant, bill, there[0] if there else {}, link)
        elif there:
            yield f"{bill} is gone, and {there[0]['id']} is {there[0]['status']} ({link.state})"
    yield from _totals(tenant)
    yield from _notes(tenant)
    if len(tenant.papers) > PAGES:
        yield from _pages(tenant, links)


def _as_it_is(tenant: Tenant, bill: str, there: Mapping[str, Any], link: Link) -> Iterator[str]:
    """In step, or left out for a reason: the same sum of the same lines, from the right one, as far as it is paid. One
    that is settled in Jobber may be void in Stripe: nobody is asked for anything."""
    paper, told = tenant.bills.paper(bill), f"{bill}, {link.state}"
    meant = MEANT[paper.status]
    if not there:
        void = link.target_id in tenant.drawer.invoices and paper.status in {"paid", "bad_debt"}
        if meant and not void:
            yield f"{told}: it is {paper.status}, and not in Stripe: {link.cause_code}"
        return
    if there["status"] not in meant:
        yield f"{told}: it is {paper.status}, and {there['status']} in Stripe"
        return
    if there["total"] != paper.minor:
        yield f"{told}: it comes to {paper.minor}, and to {there['total']} in Stripe"
    customer = tenant.stripe.records.get(there["customer"], {})
    own = customer.get(CUSTOMER) == paper.client or _no_customer(tenant, paper, there)  # which is told at the client
    if there["status"] != "paid" and not own:
        yield f"{told}: it is for {paper.client}, and for {customer.get(CUSTOMER)} in Stripe"
    if there["status"] == "open":
        yield from _open(paper, there, told)


def _open(paper: Paper, there: Mapping[str, Any], told: str) -> Iterator[str]:
    if there.get("description") != paper.subject:
        yield f"{told}: its subject is {paper.subject}, and {there.get('description')} in Stripe"
    cards = sum(p["amount"] for p in there["payments"] if p["status"] == "paid" and p["kind"] == "payment_intent")
    if there["amount_remaining"] != int(paper.balance * 100) - cards:
        yield f"{told}: {paper.balance} is left, less {cards} by card, and {there['amount_remaining']} in Stripe"
    here = Counter(item.key for item in paper.items)
    lines = Counter(str(line["metadata"].get("jobber_line_id")) for line in there["lines"])
    if here != Counter({key: n for key, n in lines.items() if not key.startswith("discount")}):
        yield f"{told}: its lines are {sorted(here)}, and {sorted(lines)} in Stripe"


# What may wait for a person, and when


def _stopped(tenant: Tenant, people: People, bill: str, link: Link) -> Iterator[str]:
    there = tenant.drawer.invoices.get(link.target_id or "")
    paper = tenant.bills.paper(bill) if bill in tenant.bills.held else None
    if link.cause_code.startswith("rejected") and bill in people.billing.poison and link.cause:
        return
    fits = _FITS.get(link.cause_code)
    if fits is None or not link.cause or not fits(tenant, paper, there or {}):
        state = f"{paper.status} {paper.minor}" if paper else "gone"
        shown = f"{there['status']} {there.get('total')}" if there else "not there"
        yield f"{bill} is {link.state} without a reason: {link.cause_code} {link.cause} (it is {state}, and {shown})"


def _moved(tenant: Tenant, paper: Paper | None, there: Mapping[str, Any]) -> bool:
    """Whether an open invoice at Stripe is not what Jobber asks for any more."""
    if paper is None or there.get("status") not in {"open", "uncollectible"}:
        return False
    sent = {str(line["metadata"].get("jobber_line_id")): line["amount"] for line in there["lines"]}
    here = {item.key: int(item.amount * 100) for item in paper.items}
    customer = tenant.stripe.records.get(str(there["customer"]), {})
    kept = {key: amount for key, amount in sent.items() if not key.startswith("discount")}
    return there["total"] != paper.minor or kept != here or customer.get(CUSTOMER) != paper.client


def _unwanted(tenant: Tenant, paper: Paper | None, there: Mapping[str, Any]) -> bool:
    return there.get("status") in {"open", "uncollectible"} and (paper is None or not MEANT[paper.status])


def _paid_there(tenant: Tenant, paper: Paper | None, there: Mapping[str, Any]) -> bool:
    return there.get("status") == "paid" and (paper is None or "paid" not in MEANT[paper.status])


def _cash_aside(paper: Paper | None, there: Mapping[str, Any]) -> bool:
    """Cash for what is bad debt at Stripe can not be told there."""
    return paper is not None and bool(paper.payments) and there.get("status") == "uncollectible"


def _part(there: Mapping[str, Any], kind: str = "") -> bool:
    return any(p["status"] == "paid" and kind in {"", p["kind"]} for p in there.get("payments", ()))


def _draft(tenant: Tenant, paper: Paper | None, there: Mapping[str, Any]) -> bool:
    return there.get("status") == "draft" and paper is not None and there["total"] != paper.minor


def _no_customer(tenant: Tenant, paper: Paper | None, there: Mapping[str, Any]) -> bool:
    link = Link.objects.filter(sync=tenant.sync, source_id=paper.client if paper else "").first()
    return link is None or link.state == Link.State.ENDED or link.target_id not in tenant.stripe.records


_FITS: dict[str, Callable[[Tenant, Paper | None, Mapping[str, Any]], bool]] = {
    "approve_replace": _moved,
    "approve_void": lambda t, p, there: _unwanted(t, p, there) or _cash_aside(p, there),
    "part_paid": lambda t, p, there: (
        _part(there) and (_unwanted(t, p, there) or _moved(t, p, there) or _cash_aside(p, there))
    ),
    "paid_twice": lambda t, p, there: (
        p is not None
        and any(_part(there) or Decimal(paid) * 100 > there["amount_remaining"] for _, paid, _ in p.payments)
    ),
    "payment_changed": lambda t, p, there: p is not None and (bool(p.payments) or _part(there)),
    "paid_there": _paid_there,
    "changed_after_paid": lambda t, p, there: (
        p is not None and there.get("status") == "paid" and there["total"] != p.minor
    ),
    "void_there": lambda t, p, there: there.get("status") == "void" and p is not None and bool(MEANT[p.status]),
    "rounding_differs": _draft,
    "total_differs": _draft,
    "client_stopped": _no_customer,
    "rejected:customer": _no_customer,
}


# Money


def _totals(tenant: Tenant) -> Iterator[str]:
    """Nobody could ever pay another sum than Jobber has asked for at some time, and no payment counts twice."""
    drawer = tenant.drawer
    for key, total in sorted(drawer.opened.items()):
        bill = str(drawer.invoices[key].get(INVOICE))
        if total not in tenant.bills.said.get(bill, ()):
            yield f"{key} was opened at {total}, which {bill} has never come to: {tenant.bills.said.get(bill)}"
    told = Counter(str(data["metadata.jobber_payment_id"]) for data in drawer.told.values())
    yield from (f"the payment {payment} was told {n} times" for payment, n in sorted(told.items()) if n > 1)


def _notes(tenant: Tenant) -> Iterator[str]:
    """Each payment of an invoice that is in Jobber stands there once, as it is by now."""
    said = Counter(held["message"].rpartition(" ")[2] for held in tenant.notes.held.values())
    yield from (f"{n} notes of {payment}" for payment, n in sorted(said.items()) if n > 1)
    for payment, held in sorted(tenant.drawer.cards.items()):
        bill = str(tenant.drawer.invoices[held["invoice"]].get(INVOICE))
        if bill not in tenant.bills.held:
            continue
        text = next((h["message"] for h in tenant.notes.held.values() if h["message"].endswith(payment)), "")
        back = {"paid": "through Stripe.", "part_refunded": "of it was given", "refunded": "all of it was given"}
        if f"${held['amount'] / 100:,.2f}" not in text or back[held["status"]] not in text:
            yield f"the payment {payment} is {held['status']}, and its note says “{text}”"


def _pages(tenant: Tenant, links: Mapping[str, Link]) -> Iterator[str]:
    """What is to be paid on both sides shows the page of the invoice that it is in Stripe, or a person was asked."""
    pages = {link.source_id: link for link in Link.objects.filter(sync=tenant.papers[PAGES])}
    for bill in sorted(tenant.bills.held):
        there, link = tenant.drawer.of(bill), links.get(bill)
        if len(there) != 1 or link is None or link.state in STOPPED or there[0]["status"] != "open":
            continue
        number, shown = there[0]["id"], tenant.bills.page(bill)
        if tenant.bills.paper(bill).status not in STILL_OPEN or number in shown:
            continue
        own = pages.get(number)
        if own is None or own.state not in STOPPED or not own.cause:
            yield f"{bill} is {number}, and its page is “{shown}” ({own and (own.state, own.cause_code)})"
