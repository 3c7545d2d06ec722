"""Two businesses with a row of everything, six people, and every address of the portal with either's ids in it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.apps import apps
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone
from django_q.models import Failure, OrmQ, Schedule, Success

from portal.models import Business, Membership, RefusedDelivery, User, WorkerBeat
from syncs.models import Snapshot
from tests.conftest import PASSWORD, person, signed_in
from tests.portal import rows
from tests.portal.rows import everything

NOT_THERE = "999999"
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")


@dataclass
class Side:
    """One of the two businesses: a row of every model, and words that only its own people may read."""

    business: Business
    owner: User
    canaries: list[str]
    ids: dict[str, str] = field(default_factory=dict)


def side(name: str, owner: str) -> Side:
    business = Business.objects.create(name=name)
    user = person(business, owner, "owner")
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    Authenticator.objects.create(user=user, type="totp", data={"secret": ""})
    UserSession.objects.create(user=user, ip="10.0.0.1", session_key=f"session-{user.pk}", user_agent=f"{owner} phone")
    rows.invoices(rows.world(business))
    mail = f"new@{business.pk}.example.com"
    return Side(business, user, [name.split()[0].lower(), owner.lower(), mail], ids(business, user))


def ids(business: Business, user: User) -> dict[str, str]:
    """{model: a row's id} and {argument of an address: id}."""
    found: dict[str, Any] = {"business_id": business.pk, "membership_id": Membership.objects.get(user=user).pk}
    for model in apps.get_models():
        mine = [row for row in everything(model) if belongs(row, business, user)]
        if mine:
            found[model._meta.label_lower] = mine[0].pk
    sources = {"connection_id": "portal.connection", "sync_id": "syncs.sync", "link_id": "syncs.link"}
    sources |= {"invitation_id": "portal.invitation", "pk": "mfa.authenticator", "invoice_id": "syncs.invoice"}
    sources |= {"incident_id": "syncs.incident", "destination_id": "portal.alertdestination"}
    sources |= {"report_id": "syncs.report", "mismatch_id": "syncs.mismatch"}
    found |= {name: found[label] for name, label in sources.items() if label in found}
    there = (s for s in everything(Snapshot) if s.business_id == business.pk and s.resource == "customers")
    found["customer"] = next(there).external_id
    return {name: str(value) for name, value in found.items()}


def belongs(row: Any, business: Business, user: User) -> bool:
    if isinstance(row, Business | User):
        return row in (business, user)
    if hasattr(row, "business_id"):
        return bool(row.business_id == business.pk)
    return getattr(row, "user_id", None) == user.pk


def system_rows() -> dict[str, str]:
    """Rows of the installation itself, of no business."""
    now = timezone.now()
    beat = WorkerBeat.objects.create(host="here", pid=1, started_at=now, beat_at=now)
    refused = RefusedDelivery.objects.create(connector="jobber", reason="signature", hour=now, count=1)
    task = {"name": "a", "func": "syncs.tasks.work_lane", "started": now, "stopped": now}
    made = [
        beat, refused, OrmQ.objects.create(key="fieldbridge", payload="", lock=now),
        Failure.objects.create(id="f" * 32, success=False, **task),
        Success.objects.create(id="a" * 32, success=True, **task),
        Schedule.objects.create(name="a", func="syncs.tasks.work_lane"),
    ]  # fmt: skip
    return {row._meta.label_lower: str(row.pk) for row in made}


# Every address there is


@dataclass(frozen=True)
class Address:
    name: str
    route: str
    #: model of the row an admin address names, else ''
    model: str = ""

    @property
    def arguments(self) -> list[str]:
        return re.findall(r"<(?:\w+:)?(\w+)>", self.route)

    def about_rows(self) -> bool:
        return bool(set(self.arguments) & set(ROW_ARGUMENTS))

    def filled(self, business: str, ids: dict[str, str]) -> str:
        given = {**FILLERS, **dict.fromkeys(ROW_ARGUMENTS, NOT_THERE), **ids}
        given |= {"business_id": business, "object_id": ids.get(self.model, NOT_THERE)}
        path = re.sub(r"\(\?P<(\w+)>(?:[^()]|\([^()]*\))*\)", lambda m: given[m[1]], self.route)
        path = re.sub(r"<(?:\w+:)?(\w+)>", lambda m: given[m[1]], path)
        return "/" + path.replace("^", "").replace("$", "")


ROW_ARGUMENTS = (
    "connection_id", "sync_id", "link_id", "invoice_id", "incident_id", "destination_id", "report_id", "mismatch_id",
    "membership_id", "invitation_id", "pk", "object_id",
)  # fmt: skip
FILLERS = {
    "connector": "jobber", "form": "csv", "key": "no-such-key", "uidb36": "1", "app_label": "syncs", "url": "nothing/",
}  # fmt: skip


def addresses() -> list[Address]:
    return [_named(name, route) for name, route in _walk(get_resolver().url_patterns)]


def _walk(patterns: list[Any], before: str = "", space: str = "") -> Iterator[tuple[str, str]]:
    for pattern in patterns:
        route = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            inner = f"{space}{pattern.namespace}:" if pattern.namespace else space
            yield from _walk(pattern.url_patterns, route, inner)
        elif isinstance(pattern, URLPattern):
            yield f"{space}{pattern.name or ''}", route


def _named(name: str, route: str) -> Address:
    """Addresses without a name are the admin's way on from /<id>/ to a row's page, and the one for all the rest."""
    found = re.match(r"admin/(\w+)/(\w+)/<path:object_id>/", route)
    model = f"{found[1]}.{found[2]}" if found else ""
    unnamed = f"{model.replace('.', '_')}_short" if model else "rest"
    return Address(f"{name}{unnamed}" if name.endswith(":") else name, route, model)


# Who asks


@dataclass
class Asker:
    name: str
    client: Client
    home: Side | None = None


def askers(acme: Side, rival: Side) -> list[Asker]:
    """Mallory and Sid are of the rival business, Rita and Sue of Acme, nobody of both; Boss is of none."""
    people = [
        ("owner", rival.owner, rival),
        ("reader", person(acme.business, "Rita", "read_only"), acme),
        ("support", person(acme.business, "Sue", "support", is_staff=True), acme),
        ("staff", person(rival.business, "Sid", "staff", is_staff=True), rival),
        ("boss", User.objects.create_superuser("boss@example.com", PASSWORD, name="Boss"), None),
    ]
    for _, user, _ in people:  # as everybody has who signed up
        proven = {"email": user.email, "verified": True, "primary": True}
        EmailAddress.objects.get_or_create(user=user, defaults=proven)
    return [Asker("nobody", Client())] + [Asker(name, signed_in(user), home) for name, user, home in people]
