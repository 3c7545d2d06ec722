"""Deleting a business: its accounts are let go of, and every row of it goes."""

import logging

from django.db import transaction
from django.db.models import Model

from portal import connect, copies
from portal.models import Business, Connection, User
from syncs.models import Attempt, Lane, Run, Sync, Version, WhatIf

log = logging.getLogger(__name__)
#: What others point to and must not lose goes after them, in this order.
_LAST: tuple[type[Model], ...] = (Attempt, WhatIf, Run, Version, Sync, Lane, Connection)

#: What people call what has another name in the tables.
_CALLED = {
    "attempts": "looks at records", "events": "webhooks", "snapshots": "records as last read",
    "snapshot history": "earlier states of records",
    "links": "records kept in step",
    "field mappings": "rows of mappings", "erased": "ids of erased records", "memberships": "people who belong to it",
    "deliveries": "alerts that were sent", "alert destinations": "places for alerts",
}  # fmt: skip
#: What says nothing to people: it goes with the rest.
_INSIDE = {"lanes", "chain heads", "connect starts"}


def counts(business: Business) -> list[tuple[str, int]]:
    """(what, how many) of each table with rows of it that people know, the largest first."""
    found = [
        (str(m._meta.verbose_name_plural), m._base_manager.filter(business_id=business.pk).count())
        for m in copies.owned()
    ]
    return sorted(
        ((_CALLED.get(name, name), count) for name, count in found if count and name not in _INSIDE),
        key=lambda each: (-each[1], each[0]),
    )


def delete(business: Business, by: User) -> list[str]:
    """All of it, at once or not at all. Returns which services could not be told, in words."""
    active = Connection.objects.filter(business=business).exclude(status=Connection.Status.OFF)
    untold = [f"{row}: {why}" for row in active if (why := connect.disconnect(row, by))]
    with transaction.atomic():
        Sync.objects.filter(business=business).update(version=None)
        first = [m for m in copies.owned() if m not in _LAST]
        for model in (*_LAST[:1], *first, *_LAST[1:]):
            model._base_manager.filter(business_id=business.pk)._raw_delete("default")
        Business.objects.filter(pk=business.pk).delete()
    log.warning("Business %s was deleted by person %s", business.pk, by.pk)
    return untold
