"""Across businesses: incidents by cause with the money at stake, connections that need somebody, lanes by their lag."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from django.db.models import Case, CharField, Count, F, Min, Q, QuerySet, Sum, Value, When
from django.db.models.fields import IntegerField

from portal import accountwatch, figures
from portal.admin import standing
from portal.admin.display import list_of
from portal.admin.standing import Standing, Stuck
from portal.health import Health
from portal.models import Business, Connection, RefusedDelivery
from portal.receivables import Sums
from syncs import currencies, flagging, watching
from syncs.models import Incident, Lane, Link, Sync

CAUSES = {
    "ambiguous": "May already exist there", "target_deleted": "Counterpart deleted", "taken": "Counterpart taken",
    "gave_up": "Given up after many tries", "contract": "An answer we do not know", "kills_worker": "Stops the worker",
    "stuck_due": "Records wait too long", "stuck_lane": "A worker holds on", "stuck_write": "Calls without an outcome",
    "stuck_run": "A run does not get ahead", "service_down": "A service does not answer",
    "webhooks_silent": "No webhooks come", "fields_gone": "A mapped field is gone",
    "charges_off": "Account takes no payments", "payouts_off": "Account pays nothing out",
    "details_asked": "Account has to give details", "details_overdue": "Details of the account overdue",
    "dispute": "Disputed payment",
    "auth": "Access refused", "scope": "A permission is missing", "rejected": "Refused by the service",
    "rule_incident": "Raised by a rule", "route_circle": "Sent in a circle by rules",
    "route_gone": "Sent to a sync that is gone",
}  # fmt: skip

type Rows = Sequence[dict[str, Any]]


BUSINESSES, CONNECTIONS, REFUSED = "businesses", "connections", "refused"


def counted(now: datetime) -> list[QuerySet[Any]]:
    """Parts of `figures.lately`: businesses, connections by status, deliveries refused in the last day by reason."""
    businesses = Business.objects.values(every=Value("", CharField())).annotate(n=Count("pk"))
    connections = Connection.objects.values("status").annotate(n=Count("pk"))
    refused = RefusedDelivery.objects.filter(hour__gte=now - figures.DAY).values("reason").annotate(n=Sum("count"))
    return [
        figures.part(BUSINESSES, businesses, "every"), figures.part(CONNECTIONS, connections, "status"),
        figures.part(REFUSED, refused, "reason"),
    ]  # fmt: skip


def incidents(now: datetime) -> Rows:
    """The open ones by cause: those of stuck work sync by sync, and those that are put off apart."""
    work = Case(When(subject__startswith="work:", then=F("sync")), output_field=IntegerField())
    aside = Case(When(snoozed_until__gt=now, then=Value(1)), default=Value(0), output_field=IntegerField())
    rows = Incident.objects.filter(state=Incident.State.OPEN).values("cause_code", work=work, aside=aside)
    found: QuerySet[Any] = rows.annotate(
        n=Count("pk"), oldest=Min("opened_at"), records=Sum("records"), step=Min("next_step"), title=Min("title")
    )  # fmt: skip
    return list(found.order_by("cause_code", "oldest"))


def stuck(rows: Rows) -> dict[int, Stuck]:
    """{sync: what holds up its work}."""
    held_up = [row for row in rows if row["work"] and row["cause_code"] not in watching.ASIDE]
    return {row["work"]: Stuck(row["title"], row["step"], row["oldest"]) for row in held_up}


def causes(rows: Rows, worth: Mapping[tuple[int, str], Sums], needy: Sequence["Needy"]) -> list[dict[str, Any]]:
    """Over all businesses, the oldest first: how many, since when, how many records, what money is at stake."""
    found = []
    asking = [row for row in rows if not row["aside"]]
    for code, group in groupby(asking, key=lambda row: str(row["cause_code"])):
        each = list(group)
        money = Sums.of(sums for (_, cause), sums in worth.items() if cause == code)
        if code == "dispute":
            money = Sums.of(one.disputed for one in needy)
        found.append(
            {
                "words": cause_words(code), "step": each[0]["step"], "oldest": each[0]["oldest"],
                "n": sum(row["n"] for row in each), "records": sum(row["records"] or 0 for row in each),
                "money": shown(money), "address": list_of(Incident, cause_code=code, state__exact="open"),
            }
        )  # fmt: skip
    return sorted(found, key=lambda row: row["oldest"])


def shown(sums: Sums) -> str:
    """Each currency with its name: businesses of several countries stand side by side."""
    whole = [currencies.shown(cents, code, "any") for code, cents in sorted(sums.cents.items()) if cents and code]
    return " and ".join(whole)


def cause_words(code: str) -> str:
    """“rejected:email” -> “Refused: email”."""
    head, _, field = code.partition(":")
    if flagging.is_raised(code):
        field = ""  # it stands for the name of the rule
    return f"{CAUSES.get(head, head.replace('_', ' ').capitalize())}{f': {field}' if field else ''}"


@dataclass(frozen=True, slots=True)
class Needy:
    """A connection that needs somebody: to sign in again, or to do at the service what it asks for."""

    row: Connection
    health: Health
    more: int

    @property
    def disputed(self) -> Sums:
        found = Sums()
        for one in self.row.concerns:
            if one["code"] == "dispute":
                found.add(1, one["currency"], one["amount"])
        return found


def needy() -> list[Needy]:
    """The longest first."""
    said = Q(status=Connection.Status.ACTIVE) & ~Q(concerns=[])
    rows = Connection.objects.filter(said | Q(status=Connection.Status.NEEDS_RECONNECT)).select_related("business")
    found = rows.defer("credentials", "credentials_digest").order_by("status_since", "pk")
    return [Needy(row, standing.of_account(row), max(0, len(accountwatch.told(row)) - 1)) for row in found]


@dataclass(frozen=True, slots=True)
class Lag:
    """A lane with work: how much, and since when its oldest record waits."""

    lane: Lane
    sync: Sync
    waiting: int
    since: datetime

    @property
    def address(self) -> str:
        """Of the list of what waits in it."""
        return list_of(Link, place="due", sync__lane=self.lane.pk)


def slowest(stands: Sequence[Standing]) -> list[Lag]:
    """Lanes with work, that with the longest wait first."""
    found: dict[int, Lag] = {}
    for one in stands:
        if one.waiting_since is None or one.sync.mode == Sync.Mode.OFF:
            continue
        lane, known = one.sync.lane, found.get(one.sync.lane_id)
        older = known if known and known.since <= one.waiting_since else None
        count = one.waiting + (known.waiting if known else 0)
        found[lane.pk] = Lag(
            lane, older.sync if older else one.sync, count, older.since if older else one.waiting_since
        )  # fmt: skip
    return sorted(found.values(), key=lambda lag: lag.since)
