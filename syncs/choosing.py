"""Choosing a recipe, publishing its draft, changing what it may do. Every step leaves a version or a run behind."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils import timezone

from syncs import approvals, audit, catalogues, examples, fitting, lanes, notice, recipes, rulebook, runs
from syncs.fitting import Catalogue
from syncs.mapping import MappingError, compile_version
from syncs.models import FieldMapping, Lane, Rule, Run, Sync, Version
from syncs.rules import RuleError

if TYPE_CHECKING:
    from portal.models import Business, Connection, User


def choose(
    business: "Business", recipe: recipes.Recipe, source: "Connection", target: "Connection", by: "User | None",
    options: dict[str, Any] | None = None,
) -> Sync:  # fmt: skip
    """A new sync in preview, its first version published and its review started; or the one there is, reviewed again
    unless it writes already.

    `options` are values of the recipe's own, where they differ from what it starts with.
    """
    with transaction.atomic():
        lane, _ = Lane.objects.get_or_create(target=target, defaults={"business": business})
        sync, made = Sync.objects.get_or_create(
            source=source, source_resource=recipe.source_resource, target=target,
            target_resource=recipe.target_resource,
            defaults={
                "business": business, "recipe": recipe.slug, "name": recipe.name, "lane": lane,
                "options": {**recipe.options, **(options or {})},
            },
        )  # fmt: skip
        if made:
            FieldMapping.objects.bulk_create(_draft(sync, recipe))
            audit.record(sync.business_id, by, "sync.chosen", sync, f"Chose “{sync}”", options=sync.options)
            publish(sync, by, "As the recipe comes")
    if not sync.writes:
        review(sync)
    return sync


def _draft(sync: Sync, recipe: recipes.Recipe) -> list[FieldMapping]:
    return [
        FieldMapping(
            business_id=sync.business_id, sync=sync, position=10 * (i + 1), sources=row["sources"],
            target_path=row["target"], transforms=row["transforms"], mode=row["mode"], owner=row["owner"],
            back_path=row["back"], back_transforms=row["back_transforms"], examples=row.get("examples", []),
            editable=row.get("editable", False),
        )
        for i, row in enumerate(recipe.mappings_in(sync.business.country))
    ]  # fmt: skip


def draft_content(sync: Sync) -> dict[str, Any]:
    """The draft as a version would hold it."""
    rules = [rulebook.unchecked(rule) for rule in sync.rules.all()]
    return {"mappings": _rows(sync.mappings.all()), "rules": rules, "options": sync.options}


def _rows(mappings: Iterable[FieldMapping]) -> list[dict[str, Any]]:
    return [
        {
            "sources": m.sources, "target": m.target_path, "transforms": m.transforms, "mode": m.mode,
            "owner": m.owner, "back": m.back_path, "back_transforms": m.back_transforms,
            "examples": m.examples, "editable": m.editable,
        }
        for m in mappings
    ]  # fmt: skip


def checked_draft(sync: Sync) -> dict[str, Any]:
    """What publishing would make of the saved draft. MappingError names a row or rule that cannot work."""
    return checked_content(sync, sync.mappings.all(), sync.rules.all(), sync.options)


def checked_content(
    sync: Sync, mappings: Iterable[FieldMapping], rules: Iterable[Rule], options: Mapping[str, Any],
    known: Catalogue | None = None,
) -> dict[str, Any]:  # fmt: skip
    """The same of rows and rules that need not be saved. `known`: the catalogue, where it has been read already."""
    rows = list(mappings)
    try:
        rulebook.check_editable(sync, rows)
        kept = rulebook.checked_all(sync, rules)
    except RuleError as error:
        raise MappingError(str(error)) from None
    content = {"mappings": _rows(rows), "rules": kept, "options": dict(options)}
    _must_fit(content, known or catalogues.of(sync))
    return content


def _must_fit(content: dict[str, Any], known: Catalogue) -> None:
    compile_version(content)
    wrong = fitting.problems(content, known)
    if wrong:
        raise MappingError(" ".join(wrong))


def is_live(sync: Sync) -> bool:
    """Whether the saved draft is what is live already: rows, rules and options."""
    if sync.version is None:
        return False
    live = sync.version.content
    if _rows(sync.mappings.all()) != live["mappings"] or sync.options != live["options"]:
        return False
    try:
        return bool(rulebook.checked_all(sync, sync.rules.all()) == live.get("rules", []))
    except RuleError:
        return False


def publish(sync: Sync, by: "User | None", note: str) -> Version:
    """Make the draft the live version. MappingError names a row or rule that cannot work, or says which of a row's
    examples come out otherwise; then nothing changes."""
    content = checked_draft(sync)
    examples.check(content)
    return _publish(sync, content, by, note)


def always(sync: Sync, paths: Iterable[str], owner: str, by: "User | None", note: str) -> None:
    """From now on this side wins where both have changed these fields: a new version, and the draft with it."""
    if sync.version is None:
        raise ValueError("The sync has no published version.")
    chosen = set(paths)
    rows = [{**r, "owner": owner} if r["target"] in chosen else r for r in sync.version.content["mappings"]]
    with transaction.atomic():
        FieldMapping.objects.filter(sync=sync, target_path__in=chosen).update(owner=owner)
        _publish(sync, {**sync.version.content, "mappings": rows}, by, note)


def set_options(sync: Sync, changed: Mapping[str, Any], by: "User | None", note: str) -> Version:
    """These options from now on, in the draft too; whatever else the draft has stays a draft. MappingError says what
    cannot work with them."""
    if sync.version is None:
        raise ValueError("The sync has no published version.")
    content = {**sync.version.content, "options": {**sync.live_options, **changed}}
    _must_fit(content, catalogues.of(sync))
    sync.options = {**sync.options, **changed}
    sync.save(update_fields=["options"])
    return _publish(sync, content, by, note)


def _publish(sync: Sync, content: dict[str, Any], by: "User | None", note: str) -> Version:
    compile_version(content)
    with transaction.atomic():
        last = Version.objects.select_for_update().filter(sync=sync).order_by("-number").first()
        version = Version.objects.create(
            business_id=sync.business_id, sync=sync, number=last.number + 1 if last else 1, content=content,
            note=note[:300], author=by,
        )  # fmt: skip
        sync.version = version
        sync.save(update_fields=["version"])
        words = f"Published version {version.number} of “{sync}”" + (f": {note}" if note else "")
        audit.record(sync.business_id, by, "version.published", sync, words, version=version.number)
        if last:
            notice.all_again(sync, f"version {version.number} published")
    return version


def review(sync: Sync) -> Run:
    return runs.start(sync, Run.Kind.REVIEW)


def go_live(sync: Sync, by: "User | None", mode: str = Sync.Mode.LIVE) -> Run:
    """From now on changes are written: at once, or in the mode "approve" as soon as a person has approved them. What
    has changed since the review is read first, so that nothing old is."""
    with transaction.atomic():
        lanes.lock(sync.lane_id)
        sync.refresh_from_db(fields=["mode", "live_since", "polled_until", "target_read_at"])
        if not sync.writes:
            sync.live_since = timezone.now()
        _step(sync, mode, by)
        return runs.catch_up(sync)


def sync_now(sync: Sync) -> Run:
    """Read everything at the source once; only what changed is looked at."""
    return runs.start(sync, Run.Kind.REVIEW if sync.mode == Sync.Mode.PREVIEW else Run.Kind.BACKFILL)


def pause(sync: Sync, mode: str, by: "User | None") -> None:
    """Off or back to preview: nothing is written any more; what waits keeps waiting."""
    with transaction.atomic():
        lanes.lock(sync.lane_id)
        sync.refresh_from_db(fields=["mode", "live_since"])
        _step(sync, mode, by)


def resume(sync: Sync, by: "User | None") -> None:
    """As it was before the pause. Everything is read once, so that nothing of the meantime is missed."""
    mode = goes_on_in(sync)
    if mode in Sync.WRITING:
        go_live(sync, by, mode)
        return
    pause(sync, mode, by)
    review(sync)


def goes_on_in(sync: Sync) -> str:
    """The mode that a paused sync is resumed in."""
    return sync.paused_in or (Sync.Mode.LIVE if sync.live_since else Sync.Mode.PREVIEW)


def goes_up(before: str, after: str) -> bool:
    """Whether more is done in the one mode than in the other: off, preview, approve, live."""
    return Sync.Mode.values.index(after) > Sync.Mode.values.index(before)


def _step(sync: Sync, mode: str, by: "User | None") -> None:
    """To another mode, with an entry in the audit trail. Inside the transaction that holds the lane."""
    before, sync.mode = sync.mode, Sync.Mode(mode)
    sync.paused_in = before if sync.mode == Sync.Mode.OFF and before != Sync.Mode.OFF else sync.paused_in
    runs.stop(sync)
    if before == Sync.Mode.OFF:
        runs.unheard(sync)
    sync.save(update_fields=["mode", "live_since", "paused_in"])
    if before != sync.mode:
        words = f"“{sync}” stepped {'up' if goes_up(before, sync.mode) else 'down'} from {before} to {sync.mode}"
        audit.record(sync.business_id, by, "sync.mode", sync, words, **{"from": before, "to": str(sync.mode)})


def ask_before_writing(
    sync: Sync, by: "User | None", *, approver: str, raised_by: str, approval_days: int | None
) -> bool:  # fmt: skip
    """Who approves, who may step the mode up, and after how many days what nobody decided about expires. Whether
    anything was changed."""
    with transaction.atomic():
        lanes.lock(sync.lane_id)
        sync.refresh_from_db(fields=["approver", "raised_by", "approval_days"])
        wanted = {"approver": approver, "raised_by": raised_by, "approval_days": approval_days}
        before = {name: getattr(sync, name) for name in wanted}
        if wanted == before:
            return False
        for name, value in wanted.items():
            setattr(sync, name, value)
        sync.save(update_fields=list(wanted))
        approvals.set_expiry(sync)
        if approver != before["approver"]:
            approvals.look_again(sync)
        days = f"expire after {approval_days} days" if approval_days else "never expire"
        words = (
            f"“{sync}”: approved by {sync.get_approver_display().lower()}, stepped up by "
            f"{sync.get_raised_by_display().lower()}; approvals {days}"
        )
        audit.record(sync.business_id, by, "sync.approvals", sync, words, before=before, after=wanted)
    return True
