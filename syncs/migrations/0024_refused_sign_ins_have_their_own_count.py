"""Refused sign-ins are counted apart from outages: only the former may ask a person to connect again."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("syncs", "0023_what_a_step_agrees_on")]

    operations = [
        migrations.AddField(
            model_name="lane",
            name="refusals",
            field=models.PositiveSmallIntegerField("refused sign-ins in a row", default=0),
        ),
    ]
