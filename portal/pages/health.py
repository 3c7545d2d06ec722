"""Is the portal up: for monitors."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
