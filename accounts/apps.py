from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "accounts"
    verbose_name = "People and keys"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from django.db.models.signals import post_save

        from accounts.models import ApiKey, Organisation, Team
        from accounts.selectors import forget_principals

        for model in (ApiKey, Team, Organisation):
            post_save.connect(lambda **_: forget_principals(), sender=model, weak=False, dispatch_uid="principals")
