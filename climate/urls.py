"""URLs of the climate app, below `/api/v1/`."""

from __future__ import annotations

from django.urls import path

from climate.api import emergencies, greenest, outages, views, zones

urlpatterns = [
    path("regions/", views.RegionListView.as_view(), name="api-regions"),
    path("regions/<slug:code>/", views.RegionView.as_view(), name="api-region"),
    path("zones/", zones.ZoneListView.as_view(), name="api-zones"),
    path("zones/<slug:zone>/", zones.ZoneView.as_view(), name="api-zone"),
    path("zones/<slug:zone>/intensity/", zones.ZoneIntensityView.as_view(), name="api-zone-intensity"),
    path("zones/<slug:zone>/forecast/", zones.ZoneForecastView.as_view(), name="api-zone-forecast"),
    path("zones/<slug:zone>/scores/", zones.ZoneScoresView.as_view(), name="api-zone-scores"),
    path("greenest/", greenest.GreenestView.as_view(), name="api-greenest"),
    path("sources/", views.SourceListView.as_view(), name="api-sources"),
    path("alerts/", emergencies.AlertListView.as_view(), name="api-alerts"),
    path("emergencies/", emergencies.EmergencyListView.as_view(), name="api-emergencies"),
    path("emergencies/<int:emergency_id>/", emergencies.EmergencyView.as_view(), name="api-emergency"),
    path("emergencies/<int:emergency_id>/confirm/", emergencies.ConfirmView.as_view(), name="api-emergency-confirm"),
    path("emergencies/<int:emergency_id>/dismiss/", emergencies.DismissView.as_view(), name="api-emergency-dismiss"),
    path("emergencies/<int:emergency_id>/lift/", emergencies.LiftView.as_view(), name="api-emergency-lift"),
    path("outages/", outages.OutageListView.as_view(), name="api-outages"),
    path("outages/<int:outage_id>/", outages.OutageView.as_view(), name="api-outage"),
    path("outages/<int:outage_id>/end/", outages.EndView.as_view(), name="api-outage-end"),
]
