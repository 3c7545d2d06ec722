"""Buttons on the page of a row. Each opens a dialog that asks first: a press on a link alone changes nothing."""

from collections.abc import Callable
from typing import Any, cast

from django.http import HttpResponse
from unfold.decorators import action
from unfold.enums import ActionVariant
from unfold.forms import BaseDialogForm

type Press = Callable[..., HttpResponse]


class Confirm(BaseDialogForm):  # type: ignore[misc]  # unfold ships no types
    """Asks for nothing but the press."""


def button(
    words: str, explanation: str, gate: str, path: str, icon: str, *, form: type[Any] = Confirm, primary: bool = False
) -> Callable[[Press], Press]:
    """Decorates (self, request, form, object_id). `gate` is the name in the model admin's has_<gate>_permission."""
    dialog = {"title": words, "description": explanation, "form_class": form, "form_submit_text": words}
    variant = ActionVariant.PRIMARY if primary else ActionVariant.DEFAULT
    made = action(description=words, permissions=[gate], dialog=dialog, url_path=path, icon=icon, variant=variant)
    return cast("Callable[[Press], Press]", made)
