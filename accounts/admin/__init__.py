"""The administration of people, teams and keys."""

from accounts.admin import keys, organisations, people, running  # noqa: F401 - registers the pages
