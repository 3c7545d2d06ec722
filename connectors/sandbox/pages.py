"""The control pages' templates: the frame's own, and each service's as "<slug>/page.html"."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jinja2 import ChoiceLoader, Environment, FileSystemLoader, select_autoescape
from starlette.responses import HTMLResponse

_connectors = Path(__file__).parent.parent
#: A service keeps its pages in connectors/<slug>/sandbox/templates/<slug>/, or connectors/<slug>/templates/<slug>/.
_places = sorted([*_connectors.glob("*/sandbox/templates"), *_connectors.glob("*/templates")])
_templates = Environment(
    loader=ChoiceLoader([FileSystemLoader(p) for p in _places]),
    autoescape=select_autoescape(default=True),
    trim_blocks=True,
    lstrip_blocks=True,
)


def moment(seconds: float) -> str:
    """'24 Nov 2026, 11:14:03 UTC', for pages."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%-d %b %Y, %H:%M:%S UTC")


_templates.filters["moment"] = moment


def render(template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """A page from "<slug>/page.html", which extends "base.html" of the frame."""
    page = _templates.get_template(template).render(**values)
    return HTMLResponse(page.encode("utf-8", "replace"), status_code=status)
