from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("syncs", "0010_rules"),
    ]

    operations = [
        migrations.AddField(
            model_name="fieldmapping",
            name="examples",
            field=models.JSONField(blank=True, default=list),
        ),
    ]
