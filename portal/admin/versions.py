"""Published versions of a mapping, and rows of drafts to be found."""

from django.contrib import admin
from django.utils.safestring import SafeString

from portal.admin.base import BY_BUSINESS, HistoryAdmin, ScopedAdmin, SeenFilter
from portal.admin.display import linked, rendered, when
from portal.admin.drafts import differences, examples_words, row_words, rule_words, said
from syncs.models import FieldMapping, Version


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


@admin.register(Version)
class VersionAdmin(HistoryAdmin):
    list_display = ("__str__", "of", "where", "is_live", "note", "author", "at")
    list_select_related = ("sync", "business", "author")
    search_fields = ("sync__name", "note", "author__email")
    list_filter = (BY_BUSINESS, ("sync", SeenFilter))
    fields = (("business", "sync"), ("number", "is_live"), ("author", "published_at"), "note", "content_shown")
    of, where, at = linked("sync"), linked("business"), when("published_at", "published")

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
        context = {"rows": rows, "rules": rules, "options": options, "differences": changed, "before": before}
        return rendered("admin/syncs/version/content.html", context)
