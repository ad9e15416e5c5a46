"""The administration of sessions and the gateway: policies, deployments, records of what happened."""

from sessions_app.admin import gateway, policies, proposals, records  # noqa: F401 - registers the pages
