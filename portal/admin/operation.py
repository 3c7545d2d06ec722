"""How the installation runs: workers, refused deliveries, and the queue that wakes them."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.text import Truncator
from django_q.models import Failure, OrmQ, Schedule, Success

from portal.access import Action
from portal.admin.base import SystemAdmin
from portal.admin.display import NOTHING, as_json, when
from portal.admin.filters import within
from portal.models import RefusedDelivery, WorkerBeat

for model in (Failure, OrmQ, Schedule, Success):
    admin.site.unregister(model)


@admin.register(WorkerBeat)
class WorkerBeatAdmin(SystemAdmin):
    view_gate = Action.VIEW
    list_display = ("__str__", "beat", "began", "restarts", "last_restart", "stopped")
    fields = ("host", "pid", "supervisor", "beat_at", "started_at", "restarts", "last_restart", "stopped_at")
    beat, began, stopped = when("beat_at", "reported"), when("started_at", "started"), when("stopped_at", "stopped")


@admin.register(RefusedDelivery)
class RefusedDeliveryAdmin(SystemAdmin):
    """Counts by hour; nothing of what was sent is kept."""

    view_gate = Action.VIEW
    list_display = ("connector", "reason", "count", "at")
    list_filter = (within("hour"), "connector", "reason")
    fields = ("connector", "reason", "hour", "count")
    at = when("hour", "in the hour from")


@admin.register(OrmQ)
class QueuedAdmin(SystemAdmin):
    """Wake-ups that no worker has taken yet."""

    list_display = ("id", "func", "args", "key", "locked")
    fields = ("key", "task_id", "name", "func", "args", "lock")
    locked = when("lock", "taken until")


class DoneAdmin(SystemAdmin):
    list_display = ("name", "func", "began", "ended", "said")
    search_fields = ("name", "func")
    list_filter = (within("started"),)
    fields = ("name", "func", "arguments", "started", "stopped", "attempt_count", "outcome")
    ordering = ("-started",)
    began, ended = when("started", "began"), when("stopped", "ended")
    arguments, outcome = as_json("args", "arguments"), as_json("result", "result")

    @admin.display(description="result")
    def said(self, row: Any) -> str:
        lines = str(row.result or "").strip().splitlines()
        return Truncator(lines[-1] if lines else "").chars(120) or NOTHING


@admin.register(Failure)
class FailureAdmin(DoneAdmin):
    pass


@admin.register(Success)
class SuccessAdmin(DoneAdmin):
    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).filter(success=True)


@admin.register(Schedule)
class ScheduleAdmin(SystemAdmin):
    list_display = ("name", "func", "schedule_type", "due")
    fields = ("name", "func", "args", "schedule_type", "minutes", "next_run", "repeats")
    due = when("next_run", "next")
