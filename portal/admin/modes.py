"""Running a sync, and stepping its mode up and down. Each says in words what it did, or why not."""

from django.http import HttpRequest

from portal import access, reviews
from portal.admin.base import person, role_at
from syncs import choosing
from syncs.models import Sync
from syncs.rules.book import ROLES


def run_now(sync: Sync) -> str:
    """Read everything once. What it does depends on the mode, and so do the words."""
    if sync.mode == Sync.Mode.OFF:
        return "Paused: resume it first."
    choosing.sync_now(sync)
    return "The review has begun." if sync.mode == Sync.Mode.PREVIEW else "Every record is being read."


def may_raise(request: HttpRequest, sync: Sync) -> bool:
    role = role_at(request, sync.business_id)
    return role is None or access.raises(role, sync.raised_by)


def pause(request: HttpRequest, sync: Sync) -> str:
    choosing.pause(sync, Sync.Mode.OFF, person(request))
    return "Paused. Nothing is read or written."


def resume(request: HttpRequest, sync: Sync) -> str:
    """As it was when it was paused."""
    if sync.mode != Sync.Mode.OFF:
        return "It was not paused."
    if not may_raise(request, sync):
        return access.raise_refusal(sync.raised_by)
    choosing.resume(sync, person(request))
    if not sync.writes:
        return "A preview again. The review has begun."
    again = "Live again." if sync.mode == Sync.Mode.LIVE else "Every write waits for approval again."
    return f"{again} Every record is read once first."


def preview(request: HttpRequest, sync: Sync) -> str:
    choosing.pause(sync, Sync.Mode.PREVIEW, person(request))
    choosing.review(sync)
    return "A preview again. The review has begun."


def write(request: HttpRequest, sync: Sync, mode: str) -> str:
    """To where it writes: at once, or once a person has approved it."""
    if choosing.goes_up(sync.mode, mode) and not may_raise(request, sync):
        return access.raise_refusal(sync.raised_by)
    why_not = "Resume it first." if sync.mode == Sync.Mode.OFF else reviews.why_not_live(sync)
    if why_not:
        return f"It cannot go live yet. {why_not}"
    choosing.go_live(sync, person(request), mode)
    if mode == Sync.Mode.LIVE:
        return "Live. Every record is read once first."
    return f"Every write waits until {ROLES[sync.approver]} has approved it."
