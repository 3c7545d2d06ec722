"""The sidebar: what staff and support look for, grouped by what it is about."""

from collections.abc import Callable, Sequence
from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from django.urls import reverse
from django_q.models import Failure, OrmQ, Schedule, Success

from portal.admin.display import list_of
from portal.models import (
    Alert,
    AlertDestination,
    AlertSettings,
    Business,
    Connection,
    ConnectStart,
    Delivery,
    Invitation,
    Membership,
    RefusedDelivery,
    User,
    WorkerBeat,
)
from syncs.models import (
    Approval,
    Attempt,
    AuditEntry,
    Erased,
    Event,
    FieldMapping,
    Incident,
    Invoice,
    Lane,
    Link,
    Mismatch,
    Payment,
    Report,
    Rule,
    Run,
    Snapshot,
    SnapshotHistory,
    Sync,
    Version,
    WhatIf,
    WhatIfRecord,
    Write,
)

type Place = tuple[str, str, type[Model]]
GROUPS: tuple[tuple[str, bool, tuple[Place, ...]], ...] = (
    ("What moves", False, (
        ("Syncs", "sync_alt", Sync), ("Links", "link", Link), ("Incidents", "error", Incident),
        ("Approvals", "approval_delegation", Approval), ("Attempts", "manage_search", Attempt),
        ("Writes", "edit_note", Write), ("Runs", "playlist_play", Run), ("Lanes", "route", Lane),
    )),
    ("Reconciliation", False, (("Reports", "balance", Report), ("Mismatches", "difference", Mismatch))),
    ("Money", False, (("Invoices", "receipt_long", Invoice), ("Payments", "payments", Payment))),
    ("What came in", False, (
        ("Connections", "power", Connection), ("Deliveries", "call_received", Event),
        ("Refused deliveries", "block", RefusedDelivery), ("Records as last seen", "description", Snapshot),
    )),
    ("Who", False, (
        ("Businesses", "storefront", Business), ("People", "group", User), ("Memberships", "badge", Membership),
        ("Invitations", "mail", Invitation), ("Email addresses", "alternate_email", EmailAddress),
    )),
    ("More", True, (
        ("What-ifs", "science", WhatIf), ("Records of what-ifs", "fact_check", WhatIfRecord),
        ("Versions", "history", Version), ("Rows of drafts", "rule", FieldMapping),
        ("Rules of drafts", "gavel", Rule),
        ("Earlier states", "manage_history", SnapshotHistory), ("Presses of Connect", "touch_app", ConnectStart),
        ("Workers", "memory", WorkerBeat), ("Waiting tasks", "pending", OrmQ), ("Failed tasks", "report", Failure),
        ("Finished tasks", "task_alt", Success), ("Schedules", "schedule", Schedule),
        ("Audit log", "verified_user", AuditEntry), ("Erased and kept out", "person_off", Erased),
        ("Alerts", "notifications", Alert),
        ("Deliveries of alerts", "outgoing_mail", Delivery), ("Places for alerts", "contact_mail", AlertDestination),
        ("When alerts are sent", "bedtime", AlertSettings),
        ("Second factors", "passkey", Authenticator), ("Signed-in sessions", "devices", UserSession),
    )),
)  # fmt: skip


def groups(request: HttpRequest) -> list[dict[str, Any]]:
    """In unfold's shape. What a person may not see is not listed."""
    first = {"title": "How things are", "icon": "monitor_heart", "link": reverse("admin:index")}
    rest = [
        {"title": title, "collapsible": folded, "separator": True, "items": _items(places)}
        for title, folded, places in GROUPS
    ]
    find = {"title": "Find anything", "icon": "search", "link": reverse("search_all")}
    return [{"items": [first, find]}, *rest]


def _items(places: Sequence[Place]) -> list[dict[str, Any]]:
    return [
        {"title": words, "icon": icon, "link": list_of(model), "permission": _may_see(model)}
        for words, icon, model in places
    ]


def _may_see(model: type[Model]) -> Callable[[HttpRequest], bool]:
    return lambda request: bool(admin.site.get_model_admin(model).has_module_permission(request))
