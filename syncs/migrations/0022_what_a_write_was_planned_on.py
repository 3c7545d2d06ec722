"""Which state of a record a write was planned on: the clock does not say it where it was set back."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("syncs", "0021_what_came_back")]

    operations = [
        migrations.AddField(
            model_name="write",
            name="planned_on",
            field=models.CharField(blank=True, default="", max_length=64),
            preserve_default=False,
        ),
    ]
