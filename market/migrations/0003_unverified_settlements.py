from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('market', '0002_keep_estimates'),
    ]

    operations = [
        migrations.AddField(
            model_name='settlement',
            name='is_verified',
            field=models.BooleanField(default=True, help_text='False: nobody reported what was used, and it stands at what was granted.'),
        ),
        migrations.AddField(
            model_name='settlement',
            name='corrected_at',
            field=models.DateTimeField(blank=True, help_text='When a late report replaced that.', null=True),
        ),
    ]
