"""URLs of the climate app, below `/api/v1/`."""

from __future__ import annotations

from django.urls import path

from climate.api import views

urlpatterns = [
    path("regions/", views.RegionListView.as_view(), name="api-regions"),
    path("regions/<slug:code>/", views.RegionView.as_view(), name="api-region"),
    path("zones/<slug:zone>/intensity/", views.ZoneIntensityView.as_view(), name="api-zone-intensity"),
    path("zones/<slug:zone>/forecast/", views.ZoneForecastView.as_view(), name="api-zone-forecast"),
    path("greenest/", views.GreenestView.as_view(), name="api-greenest"),
    path("sources/", views.SourceListView.as_view(), name="api-sources"),
    path("emergencies/", views.EmergencyListView.as_view(), name="api-emergencies"),
]
