from django.apps import AppConfig


class ClimateConfig(AppConfig):
    name = "climate"
    verbose_name = "Grids and regions"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from accounts.domain.scopes import Scope
        from accounts.selectors import register_platform_scope
        from climate import subscribers

        register_platform_scope(Scope.EMERGENCIES_WRITE, permission="climate.change_emergency")
        register_platform_scope(Scope.CAPACITY_WRITE, permission="climate.add_regionoutage")
        subscribers.connect()
