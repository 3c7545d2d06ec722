"""Pages of a list whose length is known already: counting 100,000 rows once more is the slowest part of a page."""

from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import QuerySet

PAGE = 50


def page(rows: QuerySet[Any], number: str | None, known: int | None = None) -> Page[Any]:
    """The page asked for, or the nearest there is. `known`: how many rows there are, None to count them."""
    paginator = Paginator(rows, PAGE)
    if known is not None:
        paginator.count = known
    return paginator.get_page(number or 1)
