"""What waits for approval and what was decided: to be looked up. It is decided on the pages of the business."""

from django.contrib import admin
from django.utils.safestring import SafeString
from django.utils.text import Truncator

from portal.admin.base import BY_BUSINESS, HistoryAdmin, SeenFilter
from portal.admin.display import NOTHING, as_json, linked, rendered, state, when
from portal.approving import amount
from syncs.models import Approval


@admin.register(Approval)
class ApprovalAdmin(HistoryAdmin):
    list_display = ("asked", "record", "condition", "role", "held_for", "worth", "decider", "decided", "of", "where")
    list_select_related = ("link", "sync", "business", "decided_by")
    search_fields = ("link__label", "link__source_id", "who", "reason", "business__name")
    search_help_text = "A name, the record's id, a business, who decided, or a reason"
    list_filter = (BY_BUSINESS, ("sync", SeenFilter), "state", "role")
    links_by = ("link",)
    fields = (
        ("business", "sync"), ("record", "condition"), ("held_for", "role"), ("worth", "shown"),
        ("asked_at", "expires_at"), ("decider", "decided_at"), "why", "plan_shown", "edited",
    )  # fmt: skip
    asked, decided = when("asked_at", "asked"), when("decided_at", "decided")
    record, of, where = linked("link", "record"), linked("sync"), linked("business")
    condition, edited = state(), as_json("edits", "edited")

    @admin.display(description="held for", ordering="rule")
    def held_for(self, row: Approval) -> str:
        return f"the rule “{row.rule}”" if row.rule else "the mode: every write waits"

    @admin.display(description="amount", ordering="amount")
    def worth(self, row: Approval) -> str:
        return amount(row, row.business.currency) or NOTHING

    @admin.display(description="decided by", ordering="who")
    def decider(self, row: Approval) -> str:
        return row.who or NOTHING

    @admin.display(description="reason")
    def why(self, row: Approval) -> str:
        return Truncator(row.reason).chars(200) or NOTHING

    @admin.display(description="plan")
    def plan_shown(self, row: Approval) -> SafeString:
        return rendered("admin/syncs/attempt/plan.html", {"plan": row.plan})
