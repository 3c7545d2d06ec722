"""What the admin's own templates need: links to rows, times in words, badges."""

from datetime import datetime
from importlib import import_module
from typing import Any

from django import template
from django.db.models import Model
from django.utils.safestring import SafeString

from portal.health import Level

register = template.Library()


def _display() -> Any:
    """Imported at use: the admin's theme loads every tag library while it is itself being imported."""
    return import_module("portal.admin.display")


@register.filter
def page_link(row: Model | None) -> SafeString | str:
    return _display().link(row)  # type: ignore[no-any-return]  # as all below: the module is imported late


@register.filter
def page_link_as(row: Model, words: str) -> SafeString | str:
    return _display().link(row, words)  # type: ignore[no-any-return]  # as above


@register.filter
def page_address(row: Model) -> str:
    return _display().page_of(row)  # type: ignore[no-any-return]


@register.filter
def ago(moment: datetime | None) -> SafeString | str:
    return _display().ago(moment)  # type: ignore[no-any-return]


@register.filter
def lasting(moment: datetime | None) -> SafeString | str:
    return _display().lasting(moment)  # type: ignore[no-any-return]


@register.filter
def said(value: Any) -> str:
    return import_module("portal.admin.drafts").said(value) or "empty"


@register.filter
def level_badge(level: str) -> SafeString | str:
    return _display().state_badge(level, Level(level).words)  # type: ignore[no-any-return]


@register.filter
def state_badge(state: str, words: str) -> SafeString | str:
    return _display().state_badge(state, words.replace("_", " ").capitalize())  # type: ignore[no-any-return]
