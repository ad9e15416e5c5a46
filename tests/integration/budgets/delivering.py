"""A process that delivers what is due, with the settings of its environment: to be killed."""

from __future__ import annotations

import os

import django


def main() -> None:
    """Deliver."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    from django.utils import timezone

    from budgets.services.deliveries import deliver_due

    deliver_due(now=timezone.now())


if __name__ == "__main__":
    main()
