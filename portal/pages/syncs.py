"""One sync: choosing a recipe, the first-sync review, going live, progress."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
