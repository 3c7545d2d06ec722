"""Plans that wait for a person: opened when a look holds a record, overtaken by later looks, decided once, expired."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from syncs import audit, lanes, notice
from syncs.looking import Look
from syncs.models import Approval, Invoice, Link, Payment, Sync
from syncs.rules.holding import EXPIRED, WAITS

if TYPE_CHECKING:
    from portal.models import User

State = Approval.State


def settle(sync: Sync, looks: Sequence[Look]) -> None:
    """What these looks hold is asked about, unless it is already; what they hold no more, or differently, is not any
    more. Inside the transaction that settles them."""
    held = {look.link.pk: look for look in looks if look.plan.hold}
    waiting = Approval.objects.filter(link__in=[look.link.pk for look in looks], state=State.WAITING)
    if not held:
        _overtake(waiting)
        return
    known = dict(waiting.values_list("link_id", "shown"))
    same = {pk for pk, shown in known.items() if pk in held and held[pk].plan.hold["shown"] == shown}
    _overtake(waiting.exclude(link__in=same))
    # What is due again, such as one that was approved while this look was under way, is asked about by its next look.
    due = set(Link.objects.filter(pk__in=list(held), noticed__gt=F("handled")).values_list("pk", flat=True))
    new = [look for pk, look in held.items() if pk not in same | due]
    worth = _worth(sync, [look.link.source_id for look in new])
    Approval.objects.bulk_create([_asked(sync, look, worth) for look in new])


def overtaken(links: Iterable[Link]) -> None:
    """These do not wait for a person's approval any more. Inside the transaction that settles them."""
    _overtake(Approval.objects.filter(link__in=[link.pk for link in links], state=State.WAITING))


def _overtake(waiting: Any) -> None:
    waiting.update(state=State.OVERTAKEN, decided_at=timezone.now())


def _asked(sync: Sync, look: Look, worth: Mapping[str, tuple[int, str]]) -> Approval:
    now, hold = timezone.now(), look.plan.hold
    amount, currency = worth.get(look.link.source_id, (None, ""))
    days = sync.approval_days
    return Approval(
        business_id=sync.business_id, sync=sync, link=look.link, rule=hold["rule"], role=hold["role"],
        plan=look.plan.as_json(), shown=hold["shown"], amount=amount, currency=currency, asked_at=now,
        expires_at=now + timedelta(days=days) if days else None,
    )  # fmt: skip


def _worth(sync: Sync, ids: Sequence[str]) -> dict[str, tuple[int, str]]:
    """{source id: (minor units, currency)} of records that have money."""
    rows: Any
    if sync.source_resource == "invoices":
        rows = Invoice.objects.filter(external_id__in=ids).annotate(worth=F("total"))
    elif sync.source_resource == "payments":
        rows = Payment.objects.filter(external_id__in=ids).annotate(worth=F("amount"))
    else:
        return {}
    of_sync = rows.filter(connection=sync.source_id).values_list("external_id", "worth", "currency")
    return {key: (worth, currency) for key, worth, currency in of_sync}


def waiting_for(links: Iterable[Link]) -> dict[int, Approval]:
    """{link: what of it waits for a person}."""
    rows = Approval.objects.filter(link__in=[link.pk for link in links], state=State.WAITING)
    return {row.link_id: row for row in rows.select_related("sync")}


def lock(link: Link) -> Approval | None:
    """What of the link waits, ours until the transaction ends. The link is locked before."""
    return Approval.objects.select_for_update().filter(link=link, state=State.WAITING).first()


def close(
    row: Approval, state: str, by: "User | None", *, reason: str = "", edits: Mapping[str, Any] | None = None
) -> None:  # fmt: skip
    """Decided: once, with an entry in the audit trail. Inside the transaction that decides."""
    row.state, row.decided_by, row.decided_at = state, by, timezone.now()
    row.who, row.reason, row.edits = by.get_short_name() if by else audit.PORTAL, reason[:200], dict(edits or {})
    row.save(update_fields=["state", "decided_by", "decided_at", "who", "reason", "edits"])
    details: dict[str, Any] = {"link": row.link_id, "shown": row.shown, "rule": row.rule}
    details |= {"edits": row.edits} if row.edits else {}
    words = f"{row.get_state_display()}: {row.link}, {_planned(row)}" + (f" Reason: {reason}" if reason else "")
    audit.record(row.business_id, by, f"approval.{state}", row, words, **details)


def _planned(row: Approval) -> str:
    return str(row.plan["hold"].get("planned") or row.plan.get("reason") or "")


# What nobody decides about in time


def expire() -> int:
    """What has waited for too long is left as it is; a paused sync's approvals keep waiting. Returns how many."""
    late = Approval.objects.filter(state=State.WAITING, expires_at__lte=timezone.now())
    rows = list(late.exclude(sync__mode=Sync.Mode.OFF).select_related("sync", "link"))
    return sum(_expire(row) for row in rows)


def _expire(found: Approval) -> bool:
    """The look that is asked for leaves the record as it is."""
    with transaction.atomic():
        lanes.wake(found.sync.lane_id)
        link = Link.objects.select_for_update().filter(pk=found.link_id).first()
        row = lock(link) if link else None
        if link is None or row is None or row.pk != found.pk:
            return False
        close(row, State.EXPIRED, None)
        hold, days = row.plan["hold"], (row.expires_at - row.asked_at).days if row.expires_at else None
        left = {name: hold[name] for name in ("rule", "role", "parts")} | {"days": days}
        Link.objects.filter(pk=link.pk).update(decision={**link.decision, EXPIRED: left})
        mine = Link.objects.filter(pk=link.pk)
        notice.again(mine, "nobody decided in time", timezone.now(), Link.Priority.LIVE)
    return True


def set_expiry(sync: Sync) -> None:
    """For what waits already, after the sync's setting has changed."""
    days = sync.approval_days
    until = F("asked_at") + timedelta(days=days) if days else None
    Approval.objects.filter(sync=sync, state=State.WAITING).update(expires_at=until)


def look_again(sync: Sync) -> None:
    """Whose word is needed has changed: what waits for it is looked at again."""
    lanes.wake(sync.lane_id)
    waiting = Link.objects.filter(sync=sync, cause_code__startswith=WAITS)
    notice.again(waiting, "who approves has changed", timezone.now(), Link.Priority.PERSON)
