"""Pages of the dashboard, login and logout."""

from __future__ import annotations

from django.contrib.auth.views import LogoutView
from django.urls import path

from dashboard import views

urlpatterns = [
    path("", views.overview, name="overview"),
    path("regions/", views.regions, name="regions"),
    path("regions/<slug:code>/", views.region, name="region"),
    path("requests/", views.requests, name="requests"),
    path("requests/<uuid:request_id>/", views.request_page, name="request"),
    path("favicon.ico", views.favicon, name="favicon"),
    path("login/", views.LogIn.as_view(), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
]
