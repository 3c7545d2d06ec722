"""The first page, and the page of one business: is all well, and what needs you."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
