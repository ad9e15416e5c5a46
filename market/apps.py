from django.apps import AppConfig


class MarketConfig(AppConfig):
    name = "market"
    verbose_name = "Policies and decisions"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from accounts.domain.scopes import Scope
        from accounts.selectors import register_platform_scope
        from climate.services.purposes import register_purposes
        from market import subscribers
        from market.selectors.policies import list_purpose_titles

        register_purposes(list_purpose_titles)
        register_platform_scope(Scope.MARKET_OPERATE, permission="market.add_tradinghalt")
        subscribers.connect()
