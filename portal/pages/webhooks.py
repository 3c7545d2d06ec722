"""Where services deliver their webhooks."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
