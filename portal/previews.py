"""What a draft makes of real records, in words, beside what the live version makes of them. Nothing is written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Q, QuerySet
from django.db.models.functions import Coalesce

from portal import sides, wording
from portal.pages.records import searched
from portal.sides import Teller
from portal.wording import Badge
from syncs import snapshots, trying
from syncs.looking import Look
from syncs.mapping import Compiled, compile_version
from syncs.models import Invoice, Link, Snapshot, Sync
from syncs.planning import Plan
from syncs.trying import Outcome, Trial

#: So many records are shown, those that changed last.
SHOWN = 20
OUTCOMES = {
    Outcome.CREATE: Badge("Would be created", "good"),
    Outcome.UPDATE: Badge("Would be updated", "good"),
    Outcome.LINK: Badge("Would be matched", "good"),
    Outcome.IN_STEP: Badge("In step", "plain"),
    Outcome.LEAVE_OUT: Badge("Would be left out", "plain"),
    Outcome.HOLD: Badge("Would be held", "warn"),
    Outcome.CONFLICT: Badge("Conflict", "warn"),
    Outcome.WAIT: Badge("Waits for another record", "busy"),
    Outcome.END: Badge("No longer synced", "plain"),
    Outcome.UNREAD: Badge("Not read yet", "plain"),
}


@dataclass(frozen=True, slots=True)
class Field:
    """`said`: by the source; `made`: of it; `there`: at the target now. `sent`: it would be written. `live`: what the
    live version would write, where that is something else (`differs`)."""

    label: str
    said: str
    made: str
    there: str
    sent: bool
    differs: bool
    live: str = ""


@dataclass(frozen=True, slots=True)
class Tried:
    """One record. `fields` are those that would be written or differ from the live version, `others` the rest;
    `aside`: (field, before, after) of what is written elsewhere first, such as at the source."""

    link: Link
    name: str
    other: str
    badge: Badge
    reason: str
    plan: Plan
    fields: Sequence[Field]
    others: Sequence[Field]
    aside: Sequence[tuple[str, str, str]]
    warnings: Sequence[str]
    rules: Sequence[tuple[str, str]]
    differs: bool
    live: Badge | None
    live_reason: str


@dataclass(frozen=True, slots=True)
class Preview:
    """`asked`: what was searched for; `compared`: there is a live version to compare with."""

    records: Sequence[Tried]
    unread: Sequence[Link]
    asked: str
    compared: bool
    terms: wording.Terms

    @property
    def differing(self) -> int:
        return sum(record.differs for record in self.records)

    @property
    def linked(self) -> int:
        """Of those that differ, how many have a counterpart already."""
        return sum(record.differs and bool(record.link.target_id) for record in self.records)


def preview(sync: Sync, content: Mapping[str, Any], asked: str = "") -> Preview:
    """MappingError when the content cannot work."""
    draft, live = compile_version(content), compile_version(sync.version.content) if sync.version else None
    found = trying.trial(sync, _links(sync, asked.strip()[:200]))
    tell = sides.teller(sync)
    return Preview(_tried(tell, found, draft, live), found.unread, asked, live is not None, tell.terms)


def _links(sync: Sync, asked: str) -> list[Link]:
    links = Link.objects.filter(sync=sync).select_related("sync")
    if asked:
        numbered = Invoice.objects.filter(connection=sync.source_id, number=asked).values_list("external_id", flat=True)
        found = searched(links, asked) | links.filter(source_id__in=list(numbered[:SHOWN]))
        return list(found.order_by("pk")[:SHOWN])
    held = Snapshot.objects.filter(connection=sync.source_id, resource=sync.source_resource)
    latest = held.order_by(Coalesce("updated_at", "created_at", "read_at").desc(), "-pk")
    return _in_order(links, list(latest.values_list("external_id", flat=True)[: 5 * SHOWN]))


def _in_order(links: QuerySet[Link], ids: Sequence[str]) -> list[Link]:
    """Of the records with these ids the first that there are."""
    found = {link.source_id: link for link in links.filter(Q(source_id__in=ids))}
    return [found[key] for key in ids if key in found][:SHOWN]


def _tried(tell: Teller, found: Trial, draft: Compiled, live: Compiled | None) -> list[Tried]:
    looks = found.plan(draft)
    before = {look.link.pk: look for look in found.plan(live)} if live else {}
    ids = [look.plan.target_id for look in looks if not look.plan.back and look.plan.target_id not in found.targets]
    there = {**found.targets, **snapshots.known(tell.sync.target, tell.sync.target_resource, filter(None, ids))}
    made = [_record(tell, look, before.get(look.link.pk), draft, there) for look in looks]
    return sorted(made, key=lambda record: not record.differs)  # what comes out otherwise stands first


def _record(
    tell: Teller, look: Look, live: Look | None, draft: Compiled, there: Mapping[str, Snapshot]
) -> Tried:  # fmt: skip
    made, was = look.plan, live.plan if live else None
    target = there.get("" if made.back else made.target_id) or look.target
    fields = _fields(tell, look, was, draft, target.data if target else {})
    shown = [f for f in fields if f.sent or f.differs]
    differs = was is not None and not trying.same(made, was)
    return Tried(
        look.link, wording.title(tell.sync.recipe, look.label),
        target.label if target else "", OUTCOMES[trying.outcome(made)], made.reason, made, shown,
        [f for f in fields if f not in shown], tell.changes(made.as_json()) if _aside(made) else [],
        made.warnings, [(str(rule), str(came)) for rule, applies, came in made.rules if applies or came], differs,
        OUTCOMES[trying.outcome(was)] if was and differs else None, was.reason if was and differs else "",
    )  # fmt: skip


def _aside(made: Plan) -> bool:
    """What this step writes is not written to the counterpart."""
    return made.back or bool(made.resource)


def _fields(
    tell: Teller, look: Look, live: Plan | None, draft: Compiled, there: Mapping[str, Any]
) -> list[Field]:  # fmt: skip
    """The mapped fields that either side fills, and what else this step writes."""
    here = look.source.data if look.source else {}
    version = trying.judged(tell.sync, look, draft)
    wanted = {path: value.value for path, value in version.values(here, list(there))[0].items()} if here else {}
    sent = {} if _aside(look.plan) else look.plan.data
    was = {} if live is None or _aside(live) else live.data
    before = {change.path: change.before for change in look.plan.changes} if sent else {}
    origins = version.origins(here)
    found = []
    for path, value in {**wanted, **dict.fromkeys(was, ""), **sent}.items():
        has, goal = before.get(path, there.get(path)), sent.get(path, wanted.get(path, ""))
        said = _said(tell, here, origins.get(path, ()))
        differs = live is not None and (path in sent, sent.get(path)) != (path in was, was.get(path))
        if value or has or said or differs or path in sent:  # an empty one on both sides tells nothing
            kept = tell.shown(path, was.get(path, has)) if differs else ""
            found.append(
                Field(tell.label(path), said, tell.shown(path, goal), tell.shown(path, has), path in sent, differs,
                      kept)
            )  # fmt: skip
    return found


def _said(tell: Teller, here: Mapping[str, Any], paths: Sequence[str]) -> str:
    """What the source says, field by field where it is several."""
    reader = tell.reader(tell.sources)
    words = [reader.shown(path, here.get(path)) for path in paths]
    return ", ".join(dict.fromkeys(filter(None, words)))
