"""Every address there is."""

from django.contrib import admin
from django.urls import include, path

from portal.pages import connections

urlpatterns = [
    path("b/<int:business_id>/connections/", connections.connections, name="connections"),
    path("b/<int:business_id>/connections/<int:connection_id>/", connections.connection, name="connection"),
    path("b/<int:business_id>/connections/<int:connection_id>/disconnect/", connections.disconnect, name="disconnect"),
    path("b/<int:business_id>/connections/<slug:connector>/start/", connections.connect_start, name="connect_start"),
    path("b/<int:business_id>/connections/<slug:connector>/key/", connections.connect_key, name="connect_key"),
    path("connect/<slug:connector>/callback/", connections.connect_callback, name="connect_callback"),
    path("accounts/", include("allauth.urls")),
    path("admin/", admin.site.urls),
]
