from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('market', '0001_initial'),
    ]

    operations = [
        migrations.AddField(
            model_name='allocationrequest',
            name='estimate',
            field=models.JSONField(help_text='What was predicted when it was asked for; empty where nothing was known but the tokens.', null=True),
        ),
    ]
