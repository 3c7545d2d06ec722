"""What-if: the draft against the live version over stored records, in the background, slice by slice. Nobody outside is
asked and nothing of a record changes."""

import hashlib
import json
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.db import IntegrityError, InterfaceError, OperationalError, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django_q.tasks import async_task

from syncs import applying, audit, bulk, choosing, estimating, trying
from syncs.bothways import UNMADE
from syncs.looking import Look
from syncs.mapping import Compiled, compile_version
from syncs.models import Invoice, Link, Payment, Snapshot, Sync, WhatIf, WhatIfRecord
from syncs.tallying import DRAFT, LIVE, Money, Tally
from syncs.trying import Outcome, Trial

if TYPE_CHECKING:
    from portal.models import User

log = logging.getLogger(__name__)
SLICE, SLICE_SECONDS = 200, 4.0
RECENT, KEPT = timedelta(days=30), timedelta(days=30)
#: A wake-up or a slice this long ago is taken for lost.
LOST = timedelta(seconds=45)
#: Where the money of a record stands, by what the source's records are.
_MONEY: Mapping[str, tuple[type[Invoice | Payment], str]] = {
    "invoices": (Invoice, "total"), "payments": (Payment, "amount"),
}  # fmt: skip


def start(sync: Sync, by: "User | None", scope: str) -> WhatIf:
    """A new one, or the one that runs already. MappingError where the draft cannot work."""
    content = choosing.checked_draft(sync)
    now = timezone.now()
    asked = WhatIf(
        business_id=sync.business_id, sync=sync, by=by, content=content, digest=digest(content), version=sync.version,
        scope=WhatIf.Scope(scope), since=now - RECENT if scope == WhatIf.Scope.RECENT else None, started_at=now,
        woken_at=now,
    )  # fmt: skip
    asked.total = _links(asked).count()
    try:
        with transaction.atomic():
            asked.save()
            words = f"Asked what the draft of “{sync}” would do: {asked.get_scope_display().lower()}"
            audit.record(sync.business_id, by, "what_if.started", asked, words, sync=sync.pk, records=asked.total)
            async_task("syncs.tasks.try_out", asked.pk)
    except IntegrityError:
        return WhatIf.objects.get(sync=sync, state=WhatIf.State.RUNNING)
    return asked


def digest(content: Mapping[str, Any]) -> str:
    """Equal for drafts that are the same, in whichever order a database keeps the keys."""
    return hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def last_of(sync: Sync, content: Mapping[str, Any]) -> WhatIf | None:
    """The latest that asked about exactly this draft against what is live, and came to its end."""
    done = WhatIf.objects.filter(sync=sync, state=WhatIf.State.DONE, version=sync.version_id)
    return done.filter(digest=digest(content)).order_by("-pk").first()


def cancel(asked: WhatIf) -> bool:
    """At once: a slice that is being worked is thrown away. False where it was over already."""
    running = WhatIf.objects.filter(pk=asked.pk, state=WhatIf.State.RUNNING)
    return bool(running.update(state=WhatIf.State.CANCELLED, finished_at=timezone.now()))


def work(asked_id: int, seconds: float = SLICE_SECONDS) -> None:
    """A worker's whole task: some slices, then others have their turn. A second worker with the same one gives up."""
    asked = _running(asked_id)
    if asked is None:
        return
    stop = time.monotonic() + seconds
    try:
        versions = Versions.of(asked)
        while _slice(asked, versions):
            if time.monotonic() >= stop:
                async_task("syncs.tasks.try_out", asked.pk)
                return
    except (OperationalError, InterfaceError):
        raise  # the tick finds it again
    except Exception as error:
        log.exception("What-if %s cannot go on", asked_id)
        cause = f"A record could not be planned ({type(error).__name__}). Nothing was changed by trying."
        _running_row(asked).update(state=WhatIf.State.FAILED, cause=cause, finished_at=timezone.now())


def _running(asked_id: int) -> WhatIf | None:
    related = ("sync__business", "sync__source", "sync__target", "sync__version", "version")
    running = WhatIf.objects.filter(pk=asked_id, state=WhatIf.State.RUNNING)
    return running.select_related(*related).first()


def _running_row(asked: WhatIf) -> QuerySet[WhatIf]:
    """The row as long as nobody else has moved it on, or ended it."""
    return WhatIf.objects.filter(pk=asked.pk, state=WhatIf.State.RUNNING, cursor=asked.cursor)


def _links(asked: WhatIf) -> QuerySet[Link]:
    """Those that publishing would look at, in the scope that was asked for."""
    links = Link.objects.filter(sync=asked.sync).exclude(state=Link.State.ENDED)
    if asked.since is None:
        return links
    seen = Snapshot.objects.filter(connection=asked.sync.source_id, resource=asked.sync.source_resource)
    changed = Q(updated_at__gte=asked.since) | Q(updated_at=None, created_at__gte=asked.since)
    recent = seen.filter(changed | Q(history__replaced_at__gte=asked.since)).values("external_id")
    return links.filter(Q(source_id__in=recent) | Q(source_id__startswith=UNMADE))


@dataclass(frozen=True, slots=True)
class Versions:
    """What is compared, ready to use."""

    draft: Compiled
    live: Compiled | None

    @classmethod
    def of(cls, asked: WhatIf) -> "Versions":
        live = compile_version(asked.version.content) if asked.version else None
        return cls(compile_version(asked.content), live)


def _slice(asked: WhatIf, versions: Versions) -> bool:
    """One checkpoint further. False when it is over, cancelled, or somebody else has it."""
    links = list(_links(asked).filter(pk__gt=asked.cursor).order_by("pk")[:SLICE])
    if not links:
        asked.estimates = estimating.estimate(asked)
        done = {"state": WhatIf.State.DONE, "finished_at": timezone.now(), "estimates": asked.estimates}
        _running_row(asked).update(**done)
        return False
    tally = Tally(asked.counts, asked.fields, asked.sums)
    records = _tried(asked, versions, trying.trial(asked.sync, links), tally)
    moved = {
        "cursor": links[-1].pk, "done": asked.done + len(links), "counts": tally.counts, "fields": tally.fields,
        "sums": tally.sums, "woken_at": timezone.now(),
    }  # fmt: skip
    with transaction.atomic():
        if not _running_row(asked).update(**moved):
            return False
        bulk.insert_each(records)
    for name, value in moved.items():
        setattr(asked, name, value)
    return True


def _tried(asked: WhatIf, versions: Versions, found: Trial, tally: Tally) -> list[WhatIfRecord]:
    drafts = found.plan(versions.draft)
    lives = found.plan(versions.live) if versions.live else []
    before = {look.link.pk: look for look in lives}
    money = _money(asked.sync, [link.source_id for link in found.links])
    records = [_record(asked, before.get(look.link.pk), look, tally, money) for look in drafts]
    for link in found.unread:
        tally.unread()
        records.append(_row(asked, link, link.label, Outcome.UNREAD, "It was not read yet."))
    return records


def _record(
    asked: WhatIf, live: Look | None, draft: Look, tally: Tally, money: Mapping[str, Money]
) -> WhatIfRecord:  # fmt: skip
    label = draft.label
    differs = tally.add(label, live.plan if live else None, draft.plan, money.get(draft.link.source_id))
    for side, look in ((LIVE, live), (DRAFT, draft)):
        if look and applying.asks_first(look):
            counted = tally.counts["calls"][side]
            counted["look_up"] = counted.get("look_up", 0) + 1
    row = _row(asked, draft.link, label, trying.outcome(draft.plan), draft.plan.reason)
    if live:
        row.live_outcome, row.live_reason = trying.outcome(live.plan), live.plan.reason[:500]
    if live and differs:
        row.differs, row.live, row.draft = True, live.plan.as_json(), draft.plan.as_json()
    return row


def _row(asked: WhatIf, link: Link, label: str, outcome: Outcome, reason: str) -> WhatIfRecord:
    return WhatIfRecord(
        business_id=asked.business_id, what_if=asked, link=link, label=(label or link.source_id)[:300],
        draft_outcome=outcome, draft_reason=reason[:500],
    )  # fmt: skip


def _money(sync: Sync, ids: Sequence[str]) -> Mapping[str, Money]:
    """{source id: its amount}, where the records are about money."""
    if sync.source_resource not in _MONEY:
        return {}
    model, amount = _MONEY[sync.source_resource]
    rows = model._default_manager.filter(connection=sync.source_id, external_id__in=ids)
    home = sync.business.currency
    return {key: (code or home, cents) for key, code, cents in rows.values_list("external_id", "currency", amount)}


# What time brings


def lost() -> list[int]:
    """Those that no worker has, and whose task is gone: marked as asked for again."""
    late = WhatIf.objects.filter(state=WhatIf.State.RUNNING, woken_at__lt=timezone.now() - LOST)
    ids = list(late.values_list("pk", flat=True))
    WhatIf.objects.filter(pk__in=ids).update(woken_at=timezone.now())
    return ids


def prune() -> None:
    """The records of what was asked long ago; the counts stay."""
    WhatIfRecord.objects.filter(what_if__finished_at__lt=timezone.now() - KEPT).delete()
