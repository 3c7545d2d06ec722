"""Who belongs to a business: members, roles, invitations."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
