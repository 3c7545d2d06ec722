"""How items sync: what the live versions of a business's syncs do, in words that anybody can read or print."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils import timezone
from django.views.decorators.http import require_safe

from portal import access, offers, sides, wording
from portal.access import Action
from portal.wording import Terms
from syncs import describing, explaining, recipes, runs
from syncs.models import Sync
from syncs.recipes import Recipe


@dataclass(frozen=True, slots=True)
class Told:
    """One sync. `lines`: each with who wins; `rules`: (name, when it applies, what it does)."""

    sync: Sync
    recipe: Recipe
    terms: Terms
    both_ways: bool
    lines: Sequence[tuple[describing.Line, str]]
    rules: Sequence[tuple[str, str, str]]
    options: Sequence[tuple[str, str]]
    cases: Sequence[tuple[str, str]]
    never: Sequence[str]

    @property
    def asked_who_wins(self) -> bool:
        """Whether it differs from field to field."""
        return self.both_ways and len({who for _, who in self.lines}) > 1


@login_required
@require_safe
def explained(request: HttpRequest, business_id: int) -> HttpResponse:
    access.demand(request, business_id, Action.VIEW)
    syncs = Sync.objects.filter(version__isnull=False).select_related("business", "source", "target", "version__author")
    context: dict[str, Any] = {
        "told": [told(sync) for sync in syncs.order_by("pk")],
        "whole_hours": round(runs.WHOLE_EVERY.total_seconds() / 3600),
        "now": timezone.now(),
    }
    return render(request, "portal/explained.html", context)


def told(sync: Sync) -> Told:
    """By its live version, whatever its draft says."""
    assert sync.version is not None  # noqa: S101  # only such are asked about
    recipe, content, teller = recipes.get(sync.recipe), sync.version.content, sides.teller(sync)
    both = bool(sync.live_options.get("two_way"))
    lines = describing.lines(content, teller.sources, teller.targets, recipe.written)
    winners = [explaining.winner(row, recipe.names, both_ways=both) for row in content["mappings"]]
    return Told(
        sync, recipe, wording.terms_of(sync), both, list(zip(lines, winners, strict=True)),
        explaining.rules(content, teller.sources, teller.targets), _options(sync),
        describing.all_cases(recipe, content["mappings"]), describing.all_never(recipe),
    )  # fmt: skip


def _options(sync: Sync) -> list[tuple[str, str]]:
    """Those that are on, and what was chosen of several."""
    return [(o.words, dict(o.choices).get(o.value, "yes")) for o in offers.options_of(sync) if o.value]


urlpatterns = [path("b/<int:business_id>/how-items-sync/", explained, name="explained")]
