"""What a service answered to a write, beside what was sent."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("syncs", "0020_seals_and_what_is_erased")]

    operations = [
        migrations.AddField(
            model_name="write",
            name="answer",
            field=models.TextField(blank=True, default=""),
            preserve_default=False,
        ),
    ]
