"""URLs of the market, below `/api/v1/`."""

from __future__ import annotations

from django.urls import path

from market.api import views

urlpatterns = [
    path("requests/", views.RequestListView.as_view(), name="request-list"),
    path("requests/quote/", views.QuoteView.as_view(), name="request-quote"),
    path("requests/<uuid:request_id>/", views.RequestView.as_view(), name="request-read"),
    path("requests/<uuid:request_id>/explain/", views.ExplainView.as_view(), name="request-explain"),
    path("requests/<uuid:request_id>/dispatch/", views.DispatchView.as_view(), name="request-dispatch"),
    path("requests/<uuid:request_id>/settle/", views.SettleView.as_view(), name="request-settle"),
    path("requests/<uuid:request_id>/release/", views.ReleaseView.as_view(), name="request-release"),
    path("requests/<uuid:request_id>/cancel/", views.CancelView.as_view(), name="request-cancel"),
]
