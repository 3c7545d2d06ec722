"""A reading that breaks off goes on where its marks end."""

from typing import Any

import pytest

from syncs import snapshots
from syncs.models import Link
from tests.syncs.world import World


class Killed(BaseException):
    """The process is gone: nothing after this line ran."""


def test_a_page_whose_storing_broke_off_is_read_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    known = {world.jobber.add("Ann", name, f"{name.lower()}@example.com") for name in ("Smith", "Jones", "Brown")}
    real, kills = snapshots.keep, [1]

    def dies(connection: Any, resource: str, *more: Any, **options: Any) -> Any:
        if resource == "clients" and kills:
            kills.clear()
            raise Killed
        return real(connection, resource, *more, **options)

    monkeypatch.setattr(snapshots, "keep", dies)
    with pytest.raises(Killed):
        world.work()
    assert not Link.objects.exists()
    world.forget_waits()
    world.work()
    assert set(Link.objects.values_list("source_id", flat=True)) == known
