"""How values look in lists and on pages: times in words, states as badges, JSON to be read, links between rows."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib.admin import display
from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import Model
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.timesince import timesince, timeuntil

from portal.health import Health

type Column = Callable[[Any, Any], Any]
NOTHING = "–"
#: State -> the look of its badge: good, busy, warn, bad or plain.
LOOKS = {
    "active": "good", "needs_reconnect": "bad", "off": "plain", "preview": "busy", "approve": "good", "live": "good",
    "approved": "good", "declined": "warn", "expired": "plain", "overtaken": "plain",
    "due": "busy", "planned": "busy", "retrying": "warn", "in_step": "good", "skipped": "plain", "held": "warn",
    "conflict": "warn", "parked": "bad", "ended": "plain",
    "open": "bad", "ignored": "plain", "resolved": "good",
    "running": "busy", "done": "good", "stopped": "plain", "cancelled": "plain",
    "intended": "busy", "confirmed": "good", "unknown": "warn", "rejected": "bad", "absent": "plain",
    "written": "good", "failed": "bad",
    "create": "good", "update": "good", "link": "good", "skip": "plain", "hold": "warn", "end": "plain",
    "marked": "good", "unknown_account": "warn", "unreadable": "bad",
    "ok": "good", "late": "warn", "needs_you": "warn", "broken": "bad",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Tile:
    """A number that leads to its list; `address` is '' where there is none. `look`: good, busy, warn, bad or plain."""

    words: str
    number: int
    address: str
    look: str = "plain"


def badge(text: str, look: str = "plain") -> SafeString:
    return format_html('<span class="fb-badge fb-{}">{}</span>', look, text)


def state_badge(state: str, words: str) -> SafeString | str:
    return badge(words, LOOKS.get(state, "plain")) if state else NOTHING


def ago(moment: datetime | None) -> SafeString | str:
    """“3 minutes ago” or “in 2 hours”, with the moment itself on hovering."""
    if moment is None:
        return NOTHING
    distance = timezone.now() - moment
    if abs(distance) < timedelta(minutes=1):
        words = "just now"
    elif distance > timedelta(0):
        words = f"{timesince(moment, depth=1)} ago"
    else:
        words = f"in {timeuntil(moment, depth=1)}"
    local = timezone.localtime(moment)
    exact = date_format(local, "j M Y, H:i:s T")
    return format_html('<time datetime="{}" title="{}">{}</time>', local.isoformat(), exact, words)


def health_words(found: Health) -> SafeString:
    """The level as a badge, then why, for how long, and what to do."""
    since = format_html(" For {}.", lasting(found.since)) if found.since and found.level != "ok" else ""
    return format_html("{} {}{} {}", state_badge(found.level, found.level.words), found.why, since, found.next_step)


def lasting(moment: datetime | None) -> SafeString | str:
    """“3 minutes”: how long it has been so."""
    if moment is None:
        return NOTHING
    local = timezone.localtime(moment)
    exact = date_format(local, "j M Y, H:i:s T")
    brief = timezone.now() - moment < timedelta(minutes=1)
    words = "under a minute" if brief else timesince(moment, depth=1)
    return format_html('<time datetime="{}" title="{}">{}</time>', local.isoformat(), exact, words)


def pretty(value: Any) -> SafeString | str:
    """JSON as a person reads it; text that is JSON likewise, any other text as it is."""
    if value in (None, "", {}, []):
        return NOTHING
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            return format_html('<pre class="fb-json">{}</pre>', value)
    words = json.dumps(value, indent=2, ensure_ascii=False, cls=DjangoJSONEncoder)
    return format_html('<pre class="fb-json">{}</pre>', words)


def page_of(row: Model) -> str:
    opts = row._meta
    return reverse(f"admin:{opts.app_label}_{opts.model_name}_change", args=[row.pk])


def list_of(model: type[Model], **filters: Any) -> str:
    """The address of a model's list, filtered."""
    opts = model._meta
    return reverse(f"admin:{opts.app_label}_{opts.model_name}_changelist", query=filters or None)


def link(row: Model | None, words: object = "") -> SafeString | str:
    if row is None:
        return NOTHING
    return format_html('<a class="fb-link" href="{}">{}</a>', page_of(row), words or row)


def outside(url: str, words: str) -> SafeString | str:
    """A link to a service's own page; only an address of the web, since it came from outside."""
    if not url.startswith(("https://", "http://")):
        return words
    return format_html('<a class="fb-link" href="{}" rel="noreferrer noopener" target="_blank">{}</a>', url, words)


def rendered(template: str, context: Mapping[str, Any]) -> SafeString:
    return render_to_string(template, dict(context))


def when(field: str, words: str) -> Column:
    """A list column that says a time in words."""

    @display(description=words, ordering=field)
    def column(self: Any, row: Any) -> SafeString | str:
        return ago(getattr(row, field))

    return column


def state(field: str = "state", words: str = "state") -> Column:
    """A column with the badge of a choice field."""

    @display(description=words, ordering=field)
    def column(self: Any, row: Any) -> SafeString | str:
        shown = getattr(row, f"get_{field}_display", None)
        value = str(getattr(row, field))
        return state_badge(value, str(shown()) if shown else value.replace("_", " ").capitalize())

    return column


def as_json(field: str, words: str) -> Column:
    @display(description=words)
    def column(self: Any, row: Any) -> SafeString | str:
        return pretty(getattr(row, field))

    return column


def linked(field: str, words: str = "") -> Column:
    """A column that leads to the related row."""

    @display(description=words or field, ordering=field)
    def column(self: Any, row: Any) -> SafeString | str:
        return link(getattr(row, field))

    return column


def links(*places: tuple[str, str]) -> SafeString:
    """Links side by side, from (address, words)."""
    return format_html_join(" · ", '<a class="fb-link" href="{}">{}</a>', places)
