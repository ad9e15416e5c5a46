"""Administration of the gateway."""

from sessions_app.admin.gateway import deployments, policies, records  # noqa: F401 - registers the pages
