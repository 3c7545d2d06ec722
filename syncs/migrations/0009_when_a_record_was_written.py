from typing import Any

from django.db import migrations, models
from django.db.models import F


def keep(apps: Any, schema_editor: Any) -> None:
    """The moment is not known: the one since when it is in step comes nearest."""
    apps.get_model("syncs", "Link").objects.filter(wrote=True).update(written_at=F("since"))


class Migration(migrations.Migration):
    dependencies = (("syncs", "0008_what_was_learnt_is_in_the_ledger"),)
    operations = (
        migrations.AddField("link", "written_at", models.DateTimeField(editable=False, null=True)),
        migrations.RunPython(keep, migrations.RunPython.noop),
        migrations.RemoveField("link", "wrote"),
    )
