"""Every address there is. Each page module lists its own."""

from django.contrib import admin
from django.urls import include, path

from portal.pages import (
    alerts,
    approvals,
    attention,
    audit,
    clients,
    connections,
    explained,
    health,
    home,
    incidents,
    invoices,
    numbers,
    overview,
    payments,
    people,
    privacy,
    reconciliation,
    records,
    search,
    syncs,
    webhooks,
)

urlpatterns = [
    *webhooks.urlpatterns,  # first, as they come most often
    *home.urlpatterns,
    *people.urlpatterns,
    *privacy.urlpatterns,
    *overview.urlpatterns,
    *numbers.urlpatterns,
    *connections.urlpatterns,
    *syncs.urlpatterns,
    *explained.urlpatterns,
    *records.urlpatterns,
    *clients.urlpatterns,
    *search.urlpatterns,
    *invoices.urlpatterns,
    *payments.urlpatterns,
    *reconciliation.urlpatterns,
    *attention.urlpatterns,
    *incidents.urlpatterns,
    *alerts.urlpatterns,
    *audit.urlpatterns,
    *approvals.urlpatterns,
    *health.urlpatterns,
    path("accounts/", include("allauth.urls")),
    path("admin/", admin.site.urls),
]

handler500 = "portal.middleware.broken"
