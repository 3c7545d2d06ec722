from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("syncs", "0006_longer_names_of_what_is_done"),
    ]

    operations = [
        migrations.AddField(
            model_name="fieldmapping",
            name="examples",
            field=models.JSONField(blank=True, default=list),
        ),
    ]
