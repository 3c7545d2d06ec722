"""Choosing a recipe, publishing its draft, changing what it may do. Every step leaves a version or a run behind."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils import timezone

from syncs import audit, catalogues, examples, fitting, lanes, notice, recipes, rulebook, runs
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
    unless it is live.

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
            publish(sync, by, "As the recipe comes")
    if sync.mode != Sync.Mode.LIVE:
        review(sync)
    return sync


def _draft(sync: Sync, recipe: recipes.Recipe) -> list[FieldMapping]:
    return [
        FieldMapping(
            business_id=sync.business_id, sync=sync, position=10 * (i + 1), sources=row["sources"],
            target_path=row["target"], transforms=row["transforms"], mode=row["mode"], owner=row["owner"],
            back_path=row["back"], back_transforms=row["back_transforms"], examples=row.get("examples", []),
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
            "examples": m.examples,
        }
        for m in mappings
    ]  # fmt: skip


def checked_draft(sync: Sync) -> dict[str, Any]:
    """What publishing would make of the saved draft. MappingError names a row or rule that cannot work."""
    return checked_content(sync, sync.mappings.all(), sync.rules.all(), sync.options)


def checked_content(
    sync: Sync, mappings: Iterable[FieldMapping], rules: Iterable[Rule], options: Mapping[str, Any]
) -> dict[str, Any]:
    """The same of rows and rules that need not be saved."""
    try:
        kept = rulebook.checked_all(sync, rules)
    except RuleError as error:
        raise MappingError(str(error)) from None
    content = {"mappings": _rows(mappings), "rules": kept, "options": dict(options)}
    compile_version(content)
    wrong = fitting.problems(content, catalogues.of(sync))
    if wrong:
        raise MappingError(" ".join(wrong))
    return content


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


def go_live(sync: Sync) -> Run:
    """From now on changes are written. What has changed since the review is read first, so that nothing old is."""
    with transaction.atomic():
        lanes.lock(sync.lane_id)
        sync.refresh_from_db(fields=["polled_until", "target_read_at"])
        runs.stop(sync)
        sync.mode, sync.live_since = Sync.Mode.LIVE, timezone.now()
        sync.save(update_fields=["mode", "live_since"])
        recent = sync.polled_until is not None and timezone.now() - sync.polled_until < runs.WHOLE_EVERY
        return runs.start(sync, Run.Kind.BACKFILL, whole=not recent)


def sync_now(sync: Sync) -> Run:
    """Read everything at the source once; only what changed is looked at."""
    return runs.start(sync, Run.Kind.REVIEW if sync.mode == Sync.Mode.PREVIEW else Run.Kind.BACKFILL)


def pause(sync: Sync, mode: str) -> None:
    """Off or back to preview: nothing is written any more; what waits keeps waiting."""
    with transaction.atomic():
        lanes.lock(sync.lane_id)
        runs.stop(sync)
        sync.mode = Sync.Mode(mode)
        sync.save(update_fields=["mode"])
