"""Records: their links, every look at them, and every call that was made for them."""

from typing import Any

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import Truncator, capfirst
from unfold.forms import BaseDialogForm

from connectors.base import FieldType
from portal import replays, sides, wording
from portal.access import Action
from portal.admin.base import BY_BUSINESS, HistoryAdmin, ScopedAdmin, SeenFilter, person
from portal.admin.buttons import Confirm, button
from portal.admin.display import NOTHING, as_json, link, linked, links, list_of, rendered, state, state_badge, when
from portal.admin.filters import Place, Raised, one_of, within
from portal.calls import came_back
from portal.models import Connection
from portal.values import Reader
from syncs import notice
from syncs.models import Approval, Attempt, Incident, Link, Snapshot, Sync, Write
from syncs.planning import Verdict

#: Records that one press of “Try again” takes.
MOST_AT_ONCE = 500
#: Looks and calls shown on the page of one link.
SHOWN = 25
OUTCOMES = (("written", "Written"), ("done", "Nothing to write"), ("planned", "Planned only"), ("failed", "Failed"))
OUTCOME_WORDS = dict(OUTCOMES)
VERDICTS = [(str(v), v.title()) for v in Verdict]


@admin.register(Link)
class LinkAdmin(ScopedAdmin):
    list_display = ("__str__", "condition", "why", "of", "where", "counterpart", "began", "again", "tries")
    list_select_related = ("sync", "business")
    search_fields = ("label", "source_id", "target_id")
    search_help_text = "A name, or the record's id on either side"
    list_filter = (BY_BUSINESS, ("sync", SeenFilter), Place, Raised, "state", "priority")
    links_by = ("cause_code", "run", "sync__lane")
    actions = ("try_again",)
    actions_detail = ("sync_this_record",)
    fields = (
        ("business", "sync"), ("label", "condition"), ("source_id", "target_id"), ("reason", "decided"),
        ("since", "next_try"), ("because", "noticed_at"), ("priority", "attempts"), ("raised", "sent_on"), "related",
    )  # fmt: skip
    change_form_outer_before_template = "admin/syncs/link/story.html"
    of, where = linked("sync"), linked("business")
    began, again = when("since", "since"), when("next_try", "next try")

    @admin.display(description="state", ordering="state")
    def condition(self, row: Link) -> SafeString | str:
        """With a notice not yet worked, it also waits."""
        shown = state_badge(row.state, row.get_state_display())
        waits = row.noticed > row.handled and row.state != Link.State.DUE
        return format_html("{} {}", state_badge(Link.State.DUE, "Waiting"), shown) if waits else shown

    @admin.display(description="why", ordering="cause_code")
    def why(self, row: Link) -> str:
        return Truncator(row.cause).chars(90) or NOTHING

    @admin.display(description="why")
    def reason(self, row: Link) -> str:
        return row.cause or NOTHING

    @admin.display(description="noticed")
    def because(self, row: Link) -> str:
        return why_looked(row)

    @admin.display(description="counterpart", ordering="target_id")
    def counterpart(self, row: Link) -> str:
        return row.target_id or NOTHING

    @admin.display(description="tries", ordering="attempts")
    def tries(self, row: Link) -> int | str:
        return row.attempts or NOTHING

    @admin.display(description="a person decided")
    def decided(self, row: Link) -> str:
        words = {
            "same": "They are the same record",
            "new": "Make a new one",
            "leave": "Leave it out",
            "through": "Approved",
        }
        return words.get(str(row.decision.get("choice", "")), NOTHING)

    @admin.display(description="rules that raise an incident")
    def raised(self, row: Link) -> str:
        return ", ".join(f"“{name}”" for name in row.flags.splitlines()) or NOTHING

    @admin.display(description="sent on to")
    def sent_on(self, row: Link) -> SafeString | str:
        return link(row.routed_to) if row.routed_to else NOTHING

    @admin.display(description="see also")
    def related(self, row: Link) -> SafeString:
        return links(
            (list_of(Attempt, link__id__exact=row.pk), "all looks"),
            (list_of(Write, link__id__exact=row.pk), "all calls"),
            (list_of(Approval, link__id__exact=row.pk), "approvals"),
            (list_of(Incident, sync__id__exact=row.sync_id), "incidents of its sync"),
        )

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        context = {**(extra_context or {}), **self._story(self.row(request, object_id))}
        answer: HttpResponse = super().change_view(request, object_id, form_url, context)
        return answer

    def get_queryset(self, request: HttpRequest) -> QuerySet[Link]:
        return super().get_queryset(request).select_related("sync__source", "sync__target", "business")

    def _story(self, row: Link) -> dict[str, Any]:
        sync = row.sync
        return {
            "is_fullwidth": "1",
            "link": row,
            "waiting": row.noticed > row.handled and row.state != Link.State.DUE,
            "sides": [
                self._side(row, "Source", sync.source, sync.source_resource, row.source_id),
                self._side(row, "Target", sync.target, sync.target_resource, row.target_id),
            ],
            "agreed": sorted(row.base.items()),
            "looks": [
                (a, why_looked(a), OUTCOME_WORDS.get(a.outcome, a.outcome))
                for a in row.history.select_related("version")[:SHOWN]
            ],
            "calls": [(call, came_back(call)) for call in row.writes.select_related("actor")[:SHOWN]],
        }

    @staticmethod
    def _side(row: Link, name: str, connection: Connection, resource: str, external_id: str | None) -> tuple[Any, ...]:
        """With what was read of it: times as people read them, everything else as it is."""
        seen = Snapshot.objects.filter(connection=connection, resource=resource, external_id=external_id or "").first()
        fields = connection.service.catalogue(resource)
        times = {field.path for field in fields if field.type == FieldType.DATETIME}
        read = Reader(wording.zone(row.business), row.business.currency, fields)
        known = seen.data if seen else {}
        return name, connection, seen, [(k, read.shown(k, v) if k in times else v) for k, v in known.items()]

    @button(
        "Sync this record", "It is read on both sides and put right now, whatever was known of it.",
        "run", "sync", "sync",
    )  # fmt: skip
    def sync_this_record(self, request: HttpRequest, form: Confirm, object_id: str) -> HttpResponse:
        row = self.row(request, object_id)
        if row.sync.mode == Sync.Mode.OFF:
            self.message_user(request, "Its sync is paused: resume that first.", messages.WARNING)
            return self.back(request, row.pk)
        notice.ask(row, str(person(request)))
        self.log_change(request, row, "Asked for a look now.")
        self.message_user(request, "It is looked at now. Reload this page to see what came of it.", messages.SUCCESS)
        return self.back(request, row.pk)

    @admin.action(description="Try again", permissions=["run"])
    def try_again(self, request: HttpRequest, rows: QuerySet[Link]) -> None:
        mine = self.chosen(request, rows, Action.RUN).exclude(sync__mode=Sync.Mode.OFF)
        chosen = list(mine.select_related("sync")[: MOST_AT_ONCE + 1])
        ask_all(chosen[:MOST_AT_ONCE], str(person(request)))
        said = f"{len(chosen[:MOST_AT_ONCE]):,} records are looked at again."
        if len(chosen) > MOST_AT_ONCE:
            said += " Press again for the rest."
        self.message_user(request, said, messages.SUCCESS if chosen else messages.WARNING)


def why_looked(row: Attempt | Link) -> str:
    """'A change was reported (CLIENT_UPDATE)'."""
    return capfirst(wording.why_noticed(row.noticed_by))


def ask_all(rows: list[Link], who: str) -> None:
    """A person wants these looked at now: all of them, or none. In the order in which workers take lanes."""
    with transaction.atomic():
        for row in sorted(rows, key=lambda r: (r.sync.lane_id, r.pk)):
            notice.ask(row, who)


class ReplayForm(BaseDialogForm):  # type: ignore[misc]  # unfold ships no types
    """Shows the look as it was planned then and as it would be planned now; the press asks for a real one."""

    form_before_template = "admin/syncs/attempt/replay.html"

    def get_before_template_context(self, request: HttpRequest, object_id: Any = None) -> dict[str, Any]:
        related = ("version", "link__sync__business", "link__sync__source", "link__sync__target", "link__sync__version")
        row = Attempt.objects.select_related(*related).filter(pk=object_id).first()
        return {"replay": replays.of(sides.teller(row.link.sync), row.link, row) if row else None}


@admin.register(Attempt)
class AttemptAdmin(HistoryAdmin):
    """Every look at a record: why, what was planned, how it ended."""

    list_display = ("looked", "record", "where", "because", "planned", "ended", "reason")
    list_select_related = ("link", "business")
    search_fields = ("link__label", "link__source_id", "error")
    list_filter = (
        BY_BUSINESS,
        within("at"),
        one_of("outcome", "outcome", OUTCOMES),
        one_of("verdict", "plan", VERDICTS),
    )
    links_by = ("link", "link__sync", "version")
    actions_detail = ("replay",)
    fields = (
        ("business", "link"), ("because", "noticed_at"), ("at", "version"), ("planned", "ended"), "failure",
        "plan_shown",
    )  # fmt: skip
    looked, record, where = when("at", "when"), linked("link", "record"), linked("business")
    planned = state("verdict", "plan")

    @admin.display(description="why", ordering="noticed_by")
    def because(self, row: Attempt) -> str:
        return why_looked(row)

    @admin.display(description="outcome", ordering="outcome")
    def ended(self, row: Attempt) -> SafeString | str:
        return state_badge(row.outcome, OUTCOME_WORDS.get(row.outcome, row.outcome))

    @admin.display(description="reason")
    def reason(self, row: Attempt) -> str:
        return Truncator(row.error or str(row.plan.get("reason", ""))).chars(110) or NOTHING

    @admin.display(description="what came between")
    def failure(self, row: Attempt) -> str:
        return row.error or NOTHING

    @button(
        "Replay", "Nothing was sent for this: it is worked out from what was stored then and what is stored now.",
        "run", "replay", "replay", form=ReplayForm,
    )  # fmt: skip
    def replay(self, request: HttpRequest, form: ReplayForm, object_id: str) -> HttpResponse:
        link_row = self.row(request, object_id).link
        if link_row.sync.mode == Sync.Mode.OFF:
            self.message_user(request, "Its sync is paused: resume that first.", messages.WARNING)
        else:
            notice.ask(link_row, str(person(request)))
            self.message_user(request, "It is looked at now, as things are now.", messages.SUCCESS)
        return self.back(request, object_id)

    @admin.display(description="plan")
    def plan_shown(self, row: Attempt) -> SafeString:
        return rendered("admin/syncs/attempt/plan.html", {"plan": row.plan})


@admin.register(Write)
class WriteAdmin(HistoryAdmin):
    """Every outward call, committed before it was made."""

    list_display = ("made", "call", "record", "where", "condition", "took", "who", "trouble")
    list_select_related = ("link", "business", "actor")
    search_fields = ("key", "outside_id", "target_id", "request_id")
    search_help_text = "A record's id at the target, an idempotency key or a request id"
    list_filter = (
        BY_BUSINESS,
        within("intended_at"),
        "state",
        one_of("verb", "call", [("create", "Create"), ("update", "Update")]),
    )
    links_by = ("link", "link__sync", "connection")
    fields = (
        ("business", "connection"), ("call", "link"), ("condition", "trouble"), ("intended_at", "settled_at"),
        ("target_id", "outside_id"), ("key", "request_id"), ("replayed", "spent"), ("took", "who"), "sent", "came_back",
        ("previous_hash", "hash"),
    )  # fmt: skip
    made, record, where = when("intended_at", "when"), linked("link", "record"), linked("business")
    condition, sent = state(), as_json("params", "what was sent")

    @admin.display(description="what came back")
    def came_back(self, row: Write) -> SafeString | str:
        return rendered("admin/syncs/write/came_back.html", {"came": came_back(row)})

    @admin.display(description="call", ordering="verb")
    def call(self, row: Write) -> str:
        return str(row)

    @admin.display(description="took", ordering="duration_ms")
    def took(self, row: Write) -> str:
        return NOTHING if row.duration_ms is None else f"{row.duration_ms:,.0f} ms"

    @admin.display(description="asked by")
    def who(self, row: Write) -> SafeString | str:
        return link(row.actor) if row.actor else "the system"

    @admin.display(description="trouble")
    def trouble(self, row: Write) -> str:
        return Truncator(row.error).chars(160) or NOTHING
