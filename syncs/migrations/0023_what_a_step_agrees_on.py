"""What both sides agree on once a step is done, for one that goes out again after its answer was lost."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("syncs", "0022_what_a_write_was_planned_on")]

    operations = [migrations.AddField(model_name="write", name="agreed", field=models.JSONField(null=True))]
