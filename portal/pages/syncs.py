"""One sync: choosing a recipe, the first-sync review, going live, progress."""

from collections.abc import Mapping
from typing import Any, cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from portal import access, beats, figures, freshness, offers, reviews, sides, wording
from portal.access import Action
from portal.figures import Group
from portal.models import User
from portal.offers import Offer
from portal.wording import Terms
from syncs import choosing, describing, lanes, ledger, recipes
from syncs.mapping import MappingError
from syncs.models import Approver, Lane, Link, Raiser, Run, Sync, Version
from syncs.recipes import Recipe
from syncs.rules.book import ROLES

#: The newest runs looked through for the state of the sync, and those listed.
RUNS, RUNS_SHOWN = 40, 10
VERSIONS_SHOWN = 10
#: Days that an approval can wait, at most.
MOST_DAYS = 365
NOBODY_WORKS = "Nobody works on it: the worker of Fieldbridge is not running. Whoever runs it for you can start it."
#: htmx ends its polling on this status.
STOP_POLLING = 286


def find(sync_id: int) -> Sync:
    """Http404 for a sync of another business."""
    related = ("business", "source", "target", "lane", "version")
    found: Sync = get_object_or_404(Sync.objects.select_related(*related), pk=sync_id)
    return found


# Choosing


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def sync_new(request: HttpRequest, business_id: int) -> HttpResponse:
    access.demand(request, business_id, Action.VIEW if request.method in {"GET", "HEAD"} else Action.CONFIGURE)
    found = offers.current()
    if request.method == "POST":
        return _chosen(request, business_id, {o.recipe.slug: o for o in found})
    return render(request, "portal/sync_new.html", {"offers": found})


def _chosen(request: HttpRequest, business_id: int, found: Mapping[str, Offer]) -> HttpResponse:
    offer = found.get(request.POST.get("recipe", ""))
    if offer is None:
        raise Http404("No such recipe.")
    if offer.source is None or offer.target is None:
        messages.warning(request, f"Connect {' and '.join(offer.missing)} first.")
        return redirect("sync_new", business_id)
    if offer.first:
        messages.warning(request, f"Choose “{offer.first.name}” first: this builds on it.")
        return redirect("sync_new", business_id)
    if offer.sync:
        messages.info(request, "It is chosen already. Here it is.")
        return redirect("sync", business_id, offer.sync.pk)
    options = _wanted(request, offer.recipe, offer.recipe.options)
    business, person = offer.source.business, cast(User, request.user)
    sync = choosing.choose(business, offer.recipe, offer.source, offer.target, person, options)
    messages.success(request, "Chosen. Both sides are being read now; nothing is written before you go live.")
    return redirect("sync", business_id, sync.pk)


def _wanted(request: HttpRequest, recipe: Recipe, before: Mapping[str, Any]) -> dict[str, Any]:
    """The options as the form has them; of several, what is none of them stays as it was."""
    ticked, found = request.POST.getlist("options"), dict[str, Any]()
    for key in recipe.option_labels:
        if key in recipe.option_choices:
            chosen = request.POST.get(f"option-{key}", "")
            found[key] = chosen if chosen in dict(recipe.option_choices[key]) else before.get(key)
        else:
            found[key] = key in ticked
    return found


# One sync


@login_required
@require_safe
def sync(request: HttpRequest, business_id: int, sync_id: int) -> HttpResponse:
    access.demand(request, business_id, Action.VIEW)
    found = find(sync_id)
    context = state(request, found) | {
        "options": offers.options_of(found),
        "lines": _lines(found),
        "freshness": freshness.of(found) if found.live_since else [],
        "approvers": Approver.choices,
        "raisers": Raiser.choices,
        "most_days": MOST_DAYS,
        "versions": Version.objects.filter(sync=found).select_related("author").defer("content")[:VERSIONS_SHOWN],
    }
    return render(request, "portal/sync.html", context)


@login_required
@require_safe
def sync_progress(request: HttpRequest, business_id: int, sync_id: int) -> HttpResponse:
    """The part of the page that changes by itself; says when there is nothing more to wait for."""
    access.demand(request, business_id, Action.VIEW)
    context = {**state(request, find(sync_id)), "polled": True}
    return render(request, "portal/_sync.html", context, status=200 if context["every"] else STOP_POLLING)


def _recipe(sync: Sync) -> Recipe:
    return recipes.get(sync.recipe)


def _lines(sync: Sync) -> list[describing.Line]:
    if sync.version is None:
        return []
    sources = sync.source.service.catalogue(sync.source_resource)
    return describing.lines(sync.version.content, sources, sides.teller(sync).targets, _recipe(sync).written)


def state(request: HttpRequest, sync: Sync) -> dict[str, Any]:
    """`every`: seconds until it is worth asking again, '' when it is not."""
    runs = list(Run.objects.filter(sync=sync)[:RUNS])
    running = next((r for r in runs if r.state == Run.State.RUNNING), None)
    names = wording.terms_of(sync)
    found: dict[str, Any] = {
        "sync": sync, "terms": names, "runs": [(r, _took(r)) for r in runs[:RUNS_SHOWN]], "running": running,
        "waits": lane_words(sync.lane, names), "broken": reviews.broken(sync),
        "raises": access.raises(access.role_in(request), sync.raised_by),
        "raise_refusal": access.raise_refusal(sync.raised_by), "approved_by": ROLES[sync.approver],
    }  # fmt: skip
    found |= _preview(request, sync, runs, running) if sync.mode == Sync.Mode.PREVIEW else _working(sync, running)
    if found["busy"] and not found["waits"] and beats.silent():
        found["waits"] = NOBODY_WORKS
    return found


def _took(run: Run) -> str:
    """'3.2 s'; '' while it runs."""
    return wording.seconds((run.finished_at - run.started_at).total_seconds()) if run.finished_at else ""


def lane_words(lane: Lane, names: Terms) -> str:
    """Why the work waits, in words; '' when it does not."""
    if lane.parked:
        return lane.parked
    if lane.failures and lane.resume_at and lane.resume_at > timezone.now():
        return f"{names.target} or {names.source} does not answer just now. It is tried again by itself."
    return ""


def _working(sync: Sync, running: Run | None) -> dict[str, Any]:
    places = ledger.equation(sync)
    shown = figures.progress(running, wording.terms_of(sync), places["waiting"]) if running else None
    turn = places["waiting"] > 0 and Link.objects.filter(ledger.DUE, sync=sync).exists()
    busy = sync.writes and (running is not None or turn)
    every = 2 if busy else 15
    in_step = places["written"] + places["unchanged"]
    return {
        "places": places, "in_step": in_step, "progress": shown, "busy": busy,
        "every": every if sync.writes else "",
    }  # fmt: skip


# The first-sync review


def _preview(request: HttpRequest, sync: Sync, runs: list[Run], running: Run | None) -> dict[str, Any]:
    counts = figures.plan_counts(sync)
    waiting, names = counts[Group.WAITING], wording.terms_of(sync)
    busy = running is not None or waiting > 0
    found: dict[str, Any] = {"counts": counts, "busy": busy, "every": 1 if busy else ""}
    if running:
        return found | {"progress": figures.progress(running, names, waiting)}
    reviewed = any(r.state == Run.State.DONE for r in runs)
    warned = reviews.warned(sync)
    group = reviews.group(request.GET.get("group", ""), counts, warned)
    known = len(warned) if group == reviews.WARNED else counts[Group(group)]
    return found | {
        "begun": reviewed or any(counts.values()),
        "groups": [(g, figures.LABELS[g], n) for g, n in counts.items() if n or g not in {Group.WAITING, Group.SAME}],
        "group": group,
        "warnings": reviews.summary(words for several in warned.values() for words in several),
        "records": reviews.records(sync, group, warned, request.GET.get("page", "1"), known),
        "consequences": figures.consequences(counts, names, both_ways=bool(sync.options.get("two_way"))),
        "refusal": reviews.refusal(sync, reviewed=reviewed, waiting=waiting),
    }


# What people do with it


@login_required
@require_POST
def sync_live(request: HttpRequest, business_id: int, sync_id: int) -> HttpResponse:
    """`mode`: live, or approve where every write waits for a person. Down from live to approve, too."""
    access.demand(request, business_id, Action.VIEW)
    mode = request.POST.get("mode", Sync.Mode.LIVE)
    if mode not in Sync.WRITING:
        raise Http404("No such mode.")
    _steps_at_all(request, business_id)
    with transaction.atomic():
        sync = _locked(sync_id)
        _may_step(request, business_id, sync, mode)
        if sync.mode == mode:
            messages.info(request, "It is live already." if mode == Sync.Mode.LIVE else "Every write waits already.")
            return redirect("sync", business_id, sync_id)
        why_not = reviews.why_not_live(sync) if sync.mode != Sync.Mode.OFF else "Resume it first."
        if why_not:
            messages.warning(request, f"It cannot go live yet. {why_not}")
            return redirect("sync", business_id, sync_id)
        wrote = sync.writes
        choosing.go_live(sync, cast(User, request.user), mode)
    messages.success(request, _stepped(sync, wrote))
    return redirect("sync", business_id, sync_id)


def _steps_at_all(request: HttpRequest, business_id: int) -> None:
    """PermissionDenied for who may step no sync, whichever it is."""
    if not access.steps(access.role_in(request)):
        access.demand(request, business_id, Action.CONFIGURE)


def _may_step(request: HttpRequest, business_id: int, sync: Sync, mode: str) -> None:
    """PermissionDenied, with who may, unless this person may step the sync to this mode."""
    if not choosing.goes_up(sync.mode, mode):
        access.demand(request, business_id, Action.CONFIGURE)
    elif not access.raises(access.role_in(request), sync.raised_by):
        raise PermissionDenied(access.raise_refusal(sync.raised_by))


def _stepped(sync: Sync, wrote: bool) -> str:
    if sync.mode == Sync.Mode.APPROVE:
        return f"From now on every change waits until {ROLES[sync.approver]} has approved it."
    if wrote:
        return "It is live: what waited for approval is written now, and so is every change from now on."
    return "It is live. What changed since the review is read first, then all is written."


def _locked(sync_id: int) -> Sync:
    """The sync, ours until the transaction ends; its lane first, as a worker locks them."""
    sync = find(sync_id)
    lanes.lock(sync.lane_id)
    sync.refresh_from_db(
        fields=["mode", "paused_in", "raised_by", "options", "live_since", "polled_until", "target_read_at", "version"]
    )
    return sync


@login_required
@require_POST
def sync_now(request: HttpRequest, business_id: int, sync_id: int) -> HttpResponse:
    access.demand(request, business_id, Action.RUN)
    sync = find(sync_id)
    if sync.mode == Sync.Mode.OFF:
        messages.warning(request, "It is paused. Resume it first.")
    elif reviews.broken(sync):
        messages.warning(request, f"{reviews.broken(sync)[0].service.name} is not connected. Connect it again first.")
    elif Run.objects.filter(sync=sync, state=Run.State.RUNNING).exists():
        messages.info(request, "It is running already.")
    else:
        choosing.sync_now(sync)
        if sync.lane.parked:
            messages.warning(request, f"It begins as soon as the work goes on, which waits: {sync.lane.parked}")
        else:
            messages.success(request, "Started. Only what has changed is looked at.")
    return redirect("sync", business_id, sync_id)


@login_required
@require_POST
def sync_pause(request: HttpRequest, business_id: int, sync_id: int) -> HttpResponse:
    """`mode`: off, or preview where everything goes on but the writing."""
    access.demand(request, business_id, Action.CONFIGURE)
    preview = request.POST.get("mode") == Sync.Mode.PREVIEW
    with transaction.atomic():
        sync = _locked(sync_id)
        if preview and sync.writes:
            choosing.pause(sync, Sync.Mode.PREVIEW, cast(User, request.user))
            choosing.review(sync)
        elif not preview and sync.mode != Sync.Mode.OFF:
            choosing.pause(sync, Sync.Mode.OFF, cast(User, request.user))
    if sync.mode == Sync.Mode.PREVIEW:
        messages.success(request, "A preview again: both sides are read and planned, and nothing is written.")
    else:
        messages.success(request, "Paused. Nothing is read or written until it is resumed; nothing is lost meanwhile.")
    return redirect("sync", business_id, sync_id)


@login_required
@require_POST
def sync_resume(request: HttpRequest, business_id: int, sync_id: int) -> HttpResponse:
    """As it was before the pause."""
    access.demand(request, business_id, Action.VIEW)
    _steps_at_all(request, business_id)
    with transaction.atomic():
        sync = _locked(sync_id)
        _may_step(request, business_id, sync, choosing.goes_on_in(sync))
        if sync.mode == Sync.Mode.OFF:
            choosing.resume(sync, cast(User, request.user))
    messages.success(request, "Resumed. Everything is read once, so that nothing of the meantime is missed.")
    return redirect("sync", business_id, sync_id)


@login_required
@require_POST
def sync_approvals(request: HttpRequest, business_id: int, sync_id: int) -> HttpResponse:
    """Who approves, who may step the mode up, and when what nobody decides about expires."""
    access.demand(request, business_id, Action.CONFIGURE)
    sync, said = find(sync_id), request.POST
    if not access.raises(access.role_in(request), sync.raised_by):
        raise PermissionDenied(access.raise_refusal(sync.raised_by))
    days = said.get("approval_days", "").strip()
    chosen = said.get("approver") in Approver.values and said.get("raised_by") in Raiser.values
    if not chosen or (days and not (days.isdecimal() and 1 <= int(days[:6]) <= MOST_DAYS)):
        messages.warning(
            request, f"Nothing was saved. The days are a number from 1 to {MOST_DAYS}, or empty for never."
        )
        return redirect("sync", business_id, sync_id)
    changed = choosing.ask_before_writing(
        sync, cast(User, request.user), approver=said["approver"], raised_by=said["raised_by"],
        approval_days=int(days) if days else None,
    )  # fmt: skip
    messages.success(request, "Saved.") if changed else messages.info(request, "Nothing was changed.")
    return redirect("sync", business_id, sync_id)


@login_required
@require_POST
def sync_options(request: HttpRequest, business_id: int, sync_id: int) -> HttpResponse:
    """Changed options become a new version of what is live, and every record is looked at with it. A draft that
    somebody works on is not published with them."""
    access.demand(request, business_id, Action.CONFIGURE)
    with transaction.atomic():
        sync = _locked(sync_id)
        live = {**_recipe(sync).options, **sync.live_options}
        common = {key: key in request.POST.getlist("options") for key in offers.common(sync)}
        wanted = {**live, **_wanted(request, _recipe(sync), live), **common}
        changed = {key: value for key, value in wanted.items() if live.get(key) != value}
        if not changed:
            messages.info(request, "Nothing was changed.")
            return redirect("sync", business_id, sync_id)
        try:
            version = choosing.set_options(sync, changed, cast(User, request.user), _difference(sync, live, wanted))
        except MappingError as error:
            messages.warning(request, f"Nothing was saved. {error}")
            return redirect("sync", business_id, sync_id)
    messages.success(request, f"Saved as {version}. Every record is looked at once more.")
    return redirect("sync", business_id, sync_id)


def _difference(sync: Sync, before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    labels = {option.key: option.words for option in offers.options_of(sync)}
    changed = [key for key in labels if before.get(key) != after.get(key)]
    return "; ".join(f"{labels[key]}: {_said(_recipe(sync), key, after[key])}" for key in changed)


def _said(recipe: Recipe, key: str, value: Any) -> str:
    return dict(recipe.option_choices.get(key, ())).get(value) or ("yes" if value else "no")


urlpatterns = [
    path("b/<int:business_id>/syncs/new/", sync_new, name="sync_new"),
    path("b/<int:business_id>/syncs/<int:sync_id>/", sync, name="sync"),
    path("b/<int:business_id>/syncs/<int:sync_id>/progress/", sync_progress, name="sync_progress"),
    path("b/<int:business_id>/syncs/<int:sync_id>/live/", sync_live, name="sync_live"),
    path("b/<int:business_id>/syncs/<int:sync_id>/now/", sync_now, name="sync_now"),
    path("b/<int:business_id>/syncs/<int:sync_id>/pause/", sync_pause, name="sync_pause"),
    path("b/<int:business_id>/syncs/<int:sync_id>/resume/", sync_resume, name="sync_resume"),
    path("b/<int:business_id>/syncs/<int:sync_id>/approvals/", sync_approvals, name="sync_approvals"),
    path("b/<int:business_id>/syncs/<int:sync_id>/options/", sync_options, name="sync_options"),
]
