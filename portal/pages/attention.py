"""What needs a person: records to settle and open incidents."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
