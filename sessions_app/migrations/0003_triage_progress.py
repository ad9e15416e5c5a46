from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("sessions_app", "0002_gateway"),
    ]

    operations = [
        migrations.CreateModel(
            name="TriageProgress",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("through", models.DateTimeField()),
            ],
        ),
    ]
