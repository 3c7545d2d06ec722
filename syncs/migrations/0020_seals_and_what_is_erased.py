import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

_NAMES = (("seal", 64), ("nonce", 32))


class Migration(migrations.Migration):
    dependencies = [("portal", "0005_alerts"), ("syncs", "0019_what_records_are_found_by")]

    operations = [
        *(
            migrations.AddField(
                model_name=model, name=name, field=models.CharField(blank=True, default="", max_length=length),
                preserve_default=False,
            )
            for model in ("auditentry", "write")
            for name, length in _NAMES
        ),
        migrations.CreateModel(
            name="Erased",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("resource", models.CharField(max_length=40)),
                ("external_id", models.CharField(max_length=255)),
                ("at", models.DateTimeField(default=django.utils.timezone.now)),
                ("business", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="+", to="portal.business")),
                ("connection", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="+", to="portal.connection")),
            ],
            options={
                "verbose_name_plural": "erased",
                "ordering": ("-id",),
                "constraints": [models.UniqueConstraint(fields=("connection", "external_id", "resource"), name="one_erased_per_record")],
            },
        ),
    ]  # fmt: skip
