from django.db import migrations, models

_NAMES = (("seal", 64), ("nonce", 32))


class Migration(migrations.Migration):
    dependencies = [("syncs", "0018_reconciliation")]

    operations = [
        migrations.AddField(
            model_name=model, name=name, field=models.CharField(blank=True, default="", max_length=length),
            preserve_default=False,
        )
        for model in ("auditentry", "write")
        for name, length in _NAMES
    ]  # fmt: skip
