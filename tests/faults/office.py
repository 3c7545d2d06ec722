"""What the people of the portal do in seeds above 3000: they approve what waits for them, pause syncs and let them go
on. Nothing else is left for a rule or for a mode to hold in the end."""

import json
import random
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from django_scopes import scope

from syncs import choosing, deciding
from syncs.deciding import Choice
from syncs.models import Approval, Rule, Sync, Write
from tests.faults.world import Tenant, World

#: Every write waits in the businesses whose number is even; in the others the rule decides.
EVERY_OTHER = 2
_HELD = {"name": "Watched", "outcome": "hold", "reason": "Watched", "role": "office"}


@dataclass
class Office:
    world: World
    rng: random.Random

    def set_up(self) -> None:
        for number, tenant in enumerate(self.world.tenants):
            if self.world.weather.approves and number % EVERY_OTHER:
                self._rule(tenant)

    def _rule(self, tenant: Tenant) -> None:
        condition = {
            "any": [{"field": "billing_address.city", "operator": "contains", "value": str(n)} for n in (3, 6)]
        }
        with scope(business=tenant.business):
            Rule.objects.create(business=tenant.business, sync=tenant.sync, condition=condition, **_HELD)
            choosing.publish(tenant.sync, self.world.user, "A rule")

    def mode(self, tenant: Tenant) -> str:
        waits = self.world.weather.approves and self.world.tenants.index(tenant) % EVERY_OTHER == 0
        return str(Sync.Mode.APPROVE if waits else Sync.Mode.LIVE)

    # Approving

    def look(self) -> None:
        """Somebody opens the page of what waits, thinks, and presses; in a calm world they press for all of it."""
        seen = []
        for tenant in self.world.tenants:
            with scope(business=tenant.business):
                waiting = Approval.objects.filter(state=Approval.State.WAITING).select_related("link").order_by("pk")
                seen += [(tenant, row) for row in waiting]
        calm = self.world.weather.calm
        if not calm:
            self.world.loop.sleep(self.rng.uniform(0, 40))
        for tenant, row in seen:
            if calm or self.rng.random() < 0.6:
                self._approve(tenant, row)

    def _approve(self, tenant: Tenant, row: Approval) -> None:
        with scope(business=tenant.business), suppress(deciding.TooLate):
            deciding.decide(row.link, Choice.THROUGH, "", self.world.user, shown=row.shown)
            self.world.ground.trace(f"somebody approves {row.link_id}: {row.plan['reason']}")

    # Pausing

    def pause(self, tenant: Tenant, sync: Sync) -> None:
        with scope(business=tenant.business):
            sync.refresh_from_db()
            if not sync.writes:
                return
            mode = self.rng.choice((Sync.Mode.OFF, Sync.Mode.PREVIEW))
            choosing.pause(sync, mode, self.world.user)
        self.world.ground.trace(f"somebody pauses {sync}: {mode}")
        self.world.loop.at(self.rng.uniform(5, 250), partial(self.world.somebody, partial(self.resume, tenant, sync)))

    def resume(self, tenant: Tenant, sync: Sync) -> None:
        with scope(business=tenant.business):
            sync.refresh_from_db()
            choosing.go_live(sync, self.world.user, self.mode(tenant))
        self.world.ground.trace(f"somebody resumes {sync}")


def unasked(tenant: Tenant, office: Office) -> Iterator[str]:
    """Writes that nobody has approved as they went out, of clients where every write waits."""
    if office.mode(tenant) != Sync.Mode.APPROVE:
        return
    rows, jumps = Approval.objects.filter(sync=tenant.sync, state=Approval.State.APPROVED), office.world.weather.jump
    approved = [(row.link_id, row.decided_at, _sent({c[0]: c[2] for c in row.plan["changes"]})) for row in rows]
    for write in Write.objects.filter(link__sync=tenant.sync).order_by("pk"):
        sent = _sent(write.params)
        if not any(
            link == write.link_id and (jumps or at <= write.intended_at) and said == sent for link, at, said in approved
        ):
            yield f"the write {write.pk} of {write.link_id} was approved by nobody: {sent}"


def _sent(values: object) -> str:
    return json.dumps(values, sort_keys=True)
