"""Records of a sync and the story of one of them."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
