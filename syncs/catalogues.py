"""What a sync can read and write: both services' catalogues, and what the accounts' own records show beyond them."""

from collections.abc import Iterable
from typing import Any

from connectors import registry
from connectors.base import Field
from syncs import recipes
from syncs.fitting import Catalogue
from syncs.mapping import WILDCARD
from syncs.models import Snapshot, Sync

#: Records of either side that are looked at for the account's own fields, and for what rows are tried on.
LOOKED_AT, TRIED_ON = 50, 20
#: Groups of fields that an account makes up itself.
OWN = ("custom.", "metadata.")


def of(sync: Sync) -> Catalogue:
    source, target = registry.get(sync.source.connector), registry.get(sync.target.connector)
    here = recent(sync.source_id, sync.source_resource)
    there = recent(sync.target_id, sync.target_resource)
    sources = _whole(source.catalogue(sync.source_resource), here)
    if not any(path.endswith(WILDCARD) for path in sources):
        sources["custom.*"] = Field("custom.*", "Every custom field", custom=True)
    targets = _whole(target.catalogue(sync.target_resource), there)
    return Catalogue(
        f"{source.name} {sync.source_resource}", f"{target.name} {sync.target_resource}", sources,
        {p: f for p, f in targets.items() if f.writable}, {p: f for p, f in targets.items() if not f.writable},
        here[:TRIED_ON], there[:TRIED_ON], recipes.RECIPES.get(sync.recipe),
    )  # fmt: skip


def recent(connection_id: int, resource: str) -> list[dict[str, Any]]:
    """What the records that were read last hold."""
    rows = Snapshot.objects.filter(connection=connection_id, resource=resource, deleted_at=None).order_by("-pk")
    return list(rows.values_list("data", flat=True)[:LOOKED_AT])


def _whole(known: Iterable[Field], seen: Iterable[dict[str, Any]]) -> dict[str, Field]:
    """The fields every account has, then its own, as far as records show them."""
    found = {f.path: f for f in known}
    own = {path for data in seen for path in data if path.startswith(OWN) and path not in found}
    return found | {path: _own(path, found) for path in sorted(own)}


def _own(path: str, known: dict[str, Field]) -> Field:
    group, _, name = path.partition(".")
    star = known.get(f"{group}.{WILDCARD}")
    label = name.replace("_", " ").capitalize()
    return Field(
        path, label, writable=bool(star and star.writable), max_length=star.max_length if star else None, custom=True
    )  # fmt: skip
