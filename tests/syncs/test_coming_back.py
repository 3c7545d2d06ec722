"""What happened while an account was not connected is looked for as soon as it is again."""

import pytest

from portal.models import Connection, User
from tests.syncs.world import World, connected, reviewed

pytestmark = [pytest.mark.django_db, pytest.mark.sandbox]


@pytest.mark.parametrize("slug", ["jobber", "stripe"])
def test_what_was_changed_meanwhile_comes_over_at_once(world: World, alice: User, slug: str) -> None:
    (known,) = reviewed(world, 1)
    world.work()
    Connection.objects.filter(connector=slug).update(status="needs_reconnect")
    world.jobber.edit(known, companyName="Ann and Sons")
    new = world.jobber.add("Bea", email="bea@example.com")
    connected(world.business, alice)
    world.work()
    assert world.stripe.of(known)[0]["business_name"] == "Ann and Sons"
    assert len(world.stripe.of(new)) == 1
