"""Running, pausing and resuming a sync. Each says in words what it did."""

from syncs import choosing
from syncs.models import Sync


def run_now(sync: Sync) -> str:
    """Read everything once. What it does depends on the mode, and so do the words."""
    if sync.mode == Sync.Mode.OFF:
        return "Paused: resume it first."
    choosing.sync_now(sync)
    return "The review has begun." if sync.mode == Sync.Mode.PREVIEW else "Every record is being read."


def pause(sync: Sync) -> str:
    choosing.pause(sync, Sync.Mode.OFF)
    return "Paused. Nothing is read or written."


def resume(sync: Sync) -> str:
    """Live again if it was live when it was paused, else a preview."""
    if sync.mode != Sync.Mode.OFF:
        return "It was not paused."
    if sync.live_since:
        choosing.go_live(sync)
        return "Live again. Every record is read once first."
    choosing.pause(sync, Sync.Mode.PREVIEW)
    choosing.review(sync)
    return "A preview again. The review has begun."
