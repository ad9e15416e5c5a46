"""Keys that read requests read sessions too; keys that submit requests may keep sessions."""

from django.db import migrations

GIVES = {"requests:read": "sessions:read", "requests:write": "sessions:write"}


def name_them(apps, schema_editor):
    for key in apps.get_model("accounts", "ApiKey").objects.iterator():
        added = [new for old, new in GIVES.items() if old in key.scopes and new not in key.scopes]
        if added:
            key.scopes = [*key.scopes, *added]
            key.save(update_fields=["scopes"])


class Migration(migrations.Migration):
    dependencies = [("accounts", "0004_market_scopes")]

    operations = [migrations.RunPython(name_them, migrations.RunPython.noop)]
