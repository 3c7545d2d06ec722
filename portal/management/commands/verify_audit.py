from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django_scopes import scope

from portal.models import Business
from syncs import proof


class Command(BaseCommand):
    help = "Reckon the audit trail and the ledger of writes of each business again, and name the first broken entry."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--business", help="its number or its name; without it, all of them")

    def handle(self, *args: Any, business: str | None, **options: Any) -> None:
        broken = 0
        for row in _chosen(business):
            with scope(business=row):
                found = proof.of(row.pk)
            broken += bool(found.broken)
            self.stdout.write(f"{row} ({row.pk}): {_told(found)}")
        if broken:
            raise CommandError(f"{broken} of the businesses named above: not everything is as it was written.")


def _chosen(business: str | None) -> list[Business]:
    rows = Business.objects.order_by("pk")
    if business:
        rows = rows.filter(pk=business) if business.isdecimal() else rows.filter(name=business)
        if not rows:
            raise CommandError(f"There is no business {business}.")
    return list(rows)


def _told(found: proof.Proof) -> str:
    if found.broken:
        return f"BROKEN at {found.broken}"
    return (
        f"{found.entries} entries and {found.writes} writes, all as they were written. "
        f"Ends with {found.trail_head or 'nothing'} / {found.ledger_head or 'nothing'}"
    )
