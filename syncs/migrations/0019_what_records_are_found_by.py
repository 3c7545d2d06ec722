from itertools import batched
from types import SimpleNamespace
from typing import Any

from django.db import migrations, models

from syncs import bulk, finding

#: Beside the model's state: SQLite has no such index.
INDEX = f"CREATE INDEX snapshot_words ON syncs_snapshot USING gin (({finding.INDEXED}))"


def fill(apps: Any, schema_editor: Any) -> None:
    rows = apps.get_model("syncs", "Snapshot").objects.only("label", "email", "phone", "external_id", "url")
    for some in batched(rows.order_by("pk").iterator(chunk_size=2000), 2000):
        for row in some:
            said = SimpleNamespace(label=row.label, email=row.email, phone=row.phone, id=row.external_id, url=row.url)
            row.words = finding.words_of(said)  # type: ignore[arg-type]  # it has what a record is asked for
        bulk.update_each(some, ("words",))


def index(apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(INDEX)


def unindex(apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("DROP INDEX IF EXISTS snapshot_words")


class Migration(migrations.Migration):
    dependencies = (("syncs", "0018_reconciliation"),)
    operations = (
        migrations.AddField(
            "snapshot", "words", models.CharField(blank=True, default="", editable=False, max_length=600)
        ),
        migrations.AddIndex(
            "invoice", models.Index(fields=["business", "total"], name="syncs_invoi_busines_41b592_idx")
        ),
        migrations.AddIndex(
            "invoice",
            models.Index(
                fields=["business", "remaining"], condition=models.Q(remaining__gt=0), name="invoice_left"
            ),
        ),
        migrations.AddIndex(
            "payment", models.Index(fields=["business", "amount"], name="syncs_payme_busines_f8bc75_idx")
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
        migrations.RunPython(index, unindex),
    )
