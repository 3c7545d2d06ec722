"""What must hold once the faults have stopped and the work is done: asked of the services first, then of our tables."""

from collections import Counter
from collections.abc import Iterator

from django.db.models import F
from django_scopes import scope

from portal.models import Connection
from syncs import ledger
from syncs.models import Approval, Event, Incident, Lane, Link, Run, Snapshot, Sync, Write
from syncs.models.working import Link as WorkingLink
from tests.faults.checks_papers import of_papers
from tests.faults.office import unasked
from tests.faults.people import FIELDS, LATER_COUNTS, People
from tests.faults.world import Tenant, World

STOPPED = {Link.State.HELD, Link.State.CONFLICT, Link.State.PARKED}
#: Causes that one may end with, beside the poison that was put in.
DOUBT = {"ambiguous", "made_there", "target_deleted", "both_changed"}
OPEN = [Write.State.INTENDED, Write.State.UNKNOWN]


def waiting(world: World) -> list[str]:
    """What is still to be done."""
    found = []
    for tenant in world.tenants:
        with scope(business=tenant.business):
            tag = tenant.business.name
            due = list(Link.objects.filter(noticed__gt=F("handled")).values_list("source_id", "state", "cause_code"))
            found += [f"{tag}: {len(due)} links due, such as {due[0]}"] if due else []
            for words, rows in (
                ("runs", Run.objects.filter(state=Run.State.RUNNING)),
                ("open writes", Write.objects.filter(state__in=OPEN)),
                ("stale snapshots", Snapshot.objects.filter(noticed_at__gt=F("read_at"))),
                ("connections to sign in to", Connection.objects.exclude(status="active")),
                ("parked lanes", Lane.objects.exclude(parked="")),
                ("parked records", Link.objects.filter(state=Link.State.PARKED)),
                ("approvals", Approval.objects.filter(state=Approval.State.WAITING)),
                ("paused syncs", Sync.objects.filter(mode__in=[Sync.Mode.OFF, Sync.Mode.PREVIEW])),
            ):
                found += [f"{tag}: {words}"] if rows.exists() else []
    return found + ([f"{world.waiting_post} webhooks on the way"] if world.waiting_post else [])


def all_of(world: World, people: People) -> list[str]:
    found = [*world.wrong, *world.ground.wrong, *(f"not done: {w}" for w in waiting(world))]
    for tenant in world.tenants:
        with scope(business=tenant.business):
            found += [f"{tenant.business.name}: {words}" for words in _of_tenant(world, tenant, people)]
    return found


#: What may cost a look, but never a write.
_HARMLESS = {"lost_webhook", "doubled_webhook", "late_webhook", "lost_task", "doubled_task"}
_OURS = {
    "edits",
    "calls",
    "tasks",
    "refused",
    "needless write",
    "jobber read",
    "jobber write",
    "stripe read",
    "stripe write",
}


#: What the three tenants ask for changes in an hour in which nothing happens.
_POLLS_AN_HOUR = 10


def frugal(counts: Counter[str], hours: float, syncs: int) -> Iterator[str]:
    """The work is bounded, and where no call and no process broke, nothing was written that was there already."""
    if counts["calls"] > max(12, 4 * syncs) * counts["edits"] + 200 + _POLLS_AN_HOUR * hours:
        yield f"{counts['calls']} calls for {counts['edits']} edits in {hours:.1f} hours"
    if counts["tasks"] > 2 * counts["calls"] + 300:
        yield f"workers were woken {counts['tasks']} times for {counts['calls']} calls"
    if counts["needless write"] and not counts.keys() - _HARMLESS - _OURS:
        yield f"{counts['needless write']} writes of what was there already"


def _of_tenant(world: World, tenant: Tenant, people: People) -> Iterator[str]:
    yield from _doubles(tenant)
    yield from _in_step(tenant, people)
    if tenant.papers:
        yield from of_papers(tenant, people)
    yield from _foreign(tenant)
    yield from unasked(tenant, people.office)
    for sync in tenant.syncs:
        yield from _equation(sync)
        yield from _incidents(sync)
    yield from _chain()
    yield from _notices(world, tenant)


def _doubles(tenant: Tenant) -> Iterator[str]:
    """By the cross reference at Stripe; Jobber's clients carry none, so by what they were made from."""
    named = Counter(
        held["metadata.jobber_client_id"]
        for held in tenant.stripe.records.values()
        if "metadata.jobber_client_id" in held
    )
    yield from (f"{n} customers for {client}" for client, n in sorted(named.items()) if n > 1)
    made = Counter(held.get("email") for held in tenant.jobber.records.values() if held.get("email"))
    yield from (f"{n} clients with {email}" for email, n in sorted(made.items()) if n > 1)


def _in_step(tenant: Tenant, people: People) -> Iterator[str]:
    """Every client has its customer, alike in every field, or a link that says why not."""
    links = {link.source_id: link for link in Link.objects.filter(sync=tenant.sync)}
    customers = {h.get("metadata.jobber_client_id"): (k, h) for k, h in tenant.stripe.records.items()}
    for key, held in sorted(tenant.jobber.records.items()):
        link = links.get(key)
        if link is None:
            yield f"{key} was never noticed"
            continue
        if link.state in STOPPED or link.state == Link.State.ENDED:
            yield from _stopped(key, link, people)
            continue
        if key not in customers:
            yield f"{key} has no customer ({link.state})"
            continue
        yield from _alike(key, held, *customers[key], people)
    for key, held in sorted(tenant.stripe.records.items()):
        client = str(held.get("metadata.jobber_client_id") or "")
        if client and client not in tenant.jobber.records and links.get(client) and links[client].state != "ended":
            yield f"{key} is of {client}, which is gone, and its link is {links[client].state}"


def _stopped(key: str, link: WorkingLink, people: People) -> Iterator[str]:
    mine = key in people.poison and link.cause_code.startswith(("rejected", "contract"))
    if link.state == Link.State.ENDED:
        if link.cause_code != "target_deleted":
            yield f"{key} has ended: {link.cause_code}"
    elif not (mine or link.cause_code in DOUBT) or not link.cause:
        yield f"{key} is {link.state} without a reason: {link.cause_code} {link.cause}"


def _alike(
    key: str, client: dict[str, object], other: str, customer: dict[str, object], people: People
) -> Iterator[str]:  # fmt: skip
    for name, here, there in FIELDS:
        one, two = client.get(here) or "", customer.get(there or "metadata.jobber_last_name") or ""
        if one != two and (one or name in LATER_COUNTS):  # what Jobber never had a value for, it does not erase
            yield f"{key} and {other}: {name} is {one} and {two}"
        old = people.overwritten - people.world.ground.raced
        yield from (f"{key}: {name} {v} came back" for v in sorted({str(one), str(two)}) if v and v in old)


def _foreign(tenant: Tenant) -> Iterator[str]:
    mine = tenant.stripe.tag
    for account in (tenant.jobber, tenant.stripe):
        for key, held in account.records.items():
            email = str(held.get("email") or "")
            if email and not email.endswith(f"@{mine}.example"):
                yield f"{key} has {email}"
    strange = Snapshot.objects.exclude(external_id__contains=tenant.jobber.id).exclude(
        external_id__contains=tenant.stripe.id
    )
    yield from (f"a snapshot of {s.external_id}" for s in strange)


def _equation(sync: Sync) -> Iterator[str]:
    places = ledger.equation(sync)
    if places["waiting"]:
        yield f"{places['waiting']} records of {sync} wait"
    if places["seen"] != sum(n for place, n in places.items() if place != "seen"):
        yield f"the ledger does not add up: {places}"
    yield from (f"the write {w.pk} is {w.state}" for w in Write.objects.filter(link__sync=sync, state__in=OPEN))


def _incidents(sync: Sync) -> Iterator[str]:
    """Open exactly while there are records with the cause, or a connection needs a person."""
    states = Link.objects.filter(sync=sync, state__in=STOPPED).values_list("cause_code", flat=True)
    causes = Counter(states)
    opened = {i.cause_code: i.records for i in Incident.objects.filter(sync=sync, state="open")}
    if opened != causes:
        yield f"{sync}: incidents are open for {opened}, records are stopped by {dict(causes)}"
    for incident in Incident.objects.filter(connection__status="active", state="open"):
        yield f"an incident is open for a connection that works: {incident.title}"


def _chain() -> Iterator[str]:
    previous = ""
    for write in Write.objects.order_by("pk"):
        if write.previous_hash != previous or write.hash != ledger.entry_hash(previous, write):
            yield f"the ledger's chain breaks at {write.pk}"
            return
        previous = write.hash


def _notices(world: World, tenant: Tenant) -> Iterator[str]:
    """Each delivery that was answered is a row, and its client has a link."""
    known = set(Link.objects.values_list("source_id", flat=True))
    events = set(Event.objects.values_list("account_id", "record_id"))
    for said in world.taken:
        if said["account"] in {tenant.jobber.id, tenant.stripe.id}:
            if (said["account"], said["record"]) not in events:
                yield f"a delivery about {said['record']} was answered and not kept"
            elif said["account"] == tenant.jobber.id and said["resource"] and said["record"] not in known:
                yield f"{said['record']} was told and has no link"
