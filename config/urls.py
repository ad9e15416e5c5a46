"""All doors of the deployment."""

from django.contrib import admin
from django.urls import include, path, re_path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from config.administration.views import audit_log
from config.api.problems import nothing_here
from sessions_app.api.gateway.elsewhere import served_elsewhere

urlpatterns = [
    path("admin/audit-log/", admin.site.admin_view(audit_log), name="audit_log"),
    path("admin/", admin.site.urls),
    path("api/schema/", SpectacularAPIView.as_view(api_version="v1"), name="schema"),
    path(
        "api/docs/",
        SpectacularSwaggerSplitView.as_view(url_name="schema", http_method_names=["get", "head"]),
        name="docs",
    ),
    path("api/v1/", include("climate.urls")),
    path("api/v1/", include("budgets.urls")),
    path("api/v1/", include("market.urls")),
    path("api/v1/", include("sessions_app.urls")),
    re_path(r"^api/", nothing_here),
    re_path(r"^v1(?:/|$)", served_elsewhere),
    path("", include("config.server.urls")),
    path("", include("dashboard.urls")),
]

handler500 = "config.server.views.server_error"
