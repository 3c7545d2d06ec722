"""Published versions of a mapping, and rows of drafts to be found."""

from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString

from portal.admin.base import BY_BUSINESS, HistoryAdmin, ScopedAdmin, SeenFilter, person
from portal.admin.buttons import Confirm, button
from portal.admin.display import linked, rendered, when
from portal.admin.drafts import differences, examples_words, row_words, rule_words, said
from syncs import revising
from syncs.mapping import MappingError
from syncs.models import FieldMapping, Sync, Version


@admin.register(FieldMapping)
class FieldMappingAdmin(ScopedAdmin):
    """Rows of drafts, to be found; they are edited on the page of their sync."""

    list_display = ("target_path", "words", "of", "where")
    list_select_related = ("sync", "business")
    search_fields = ("target_path", "sources", "sync__name")
    list_filter = (BY_BUSINESS, "mode")
    fields = ("business", "sync", "target_path", "words")
    of, where = linked("sync"), linked("business")

    @admin.display(description="row")
    def words(self, row: FieldMapping) -> str:
        return row_words({"sources": row.sources, "transforms": row.transforms, "mode": row.mode})


class RollBackForm(Confirm):
    form_before_template = "admin/syncs/version/back.html"

    def get_before_template_context(self, request: HttpRequest, object_id: Any = None) -> dict[str, Any]:
        row = Version.objects.select_related("sync__version").filter(pk=object_id).first()
        live = row.sync.version if row else None
        changed = differences(live.content if live else {}, row.content) if row else []
        return {"version": row, "live": live, "differences": changed}


@admin.register(Version)
class VersionAdmin(HistoryAdmin):
    list_display = ("__str__", "of", "where", "is_live", "note", "author", "at")
    list_select_related = ("sync", "business", "author")
    search_fields = ("sync__name", "note", "author__email")
    list_filter = (BY_BUSINESS, ("sync", SeenFilter))
    fields = (("business", "sync"), ("number", "is_live"), ("author", "published_at"), "note", "content_shown")
    actions_detail = ("roll_back",)
    of, where, at = linked("sync"), linked("business"), when("published_at", "published")

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        row = self.row(request, object_id)
        return [] if row.pk == row.sync.version_id else super().get_actions_detail(request, object_id)

    @button(
        "Roll back to this version", "What it says becomes the draft and is published as a new version. Every record "
        "is looked at with it.", "configure", "roll-back", "history", form=RollBackForm,
    )  # fmt: skip
    def roll_back(self, request: HttpRequest, form: RollBackForm, object_id: str) -> HttpResponse:
        row = self.row(request, object_id)
        try:
            made = revising.roll_back(Sync.objects.get(pk=row.sync_id), row, person(request))
        except MappingError as error:
            self.message_user(request, f"Nothing was changed. {error}", messages.ERROR)
            return self.back(request, row.pk)
        words = f"Version {made.number} is live, with what version {row.number} says. The draft says the same."
        self.log_change(request, row, words)
        self.message_user(request, words, messages.SUCCESS)
        return self.back(request, made.pk)

    @admin.display(description="live", boolean=True)
    def is_live(self, row: Version) -> bool:
        return row.sync.version_id == row.pk

    @admin.display(description="rows, and what changed since the version before")
    def content_shown(self, row: Version) -> SafeString:
        before = Version.objects.filter(sync=row.sync_id, number__lt=row.number).order_by("-number").first()
        mappings = row.content.get("mappings", [])
        rows = [(r["target"], row_words(r), examples_words(r.get("examples") or ())) for r in mappings]
        rules = [(r["name"], rule_words(r)) for r in row.content.get("rules", [])]
        options = [(k.replace("_", " ").capitalize(), said(v)) for k, v in row.content.get("options", {}).items()]
        changed = differences(before.content, row.content) if before else []
        context = {
            "version": row,
            "rows": rows,
            "rules": rules,
            "options": options,
            "differences": changed,
            "before": before,
        }
        return rendered("admin/syncs/version/content.html", context)
