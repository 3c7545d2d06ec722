"""The worker's memory at ten times as many clients."""

from collections.abc import Iterator

from tests.bench.setting import Setting
from tests.bench.table import Figure, at_most, plain

FEW, MANY = 1_000, 10_000
#: More than this is not flat.
MOST_RATIO = 1.1


def figures(setting: Setting) -> Iterator[Figure]:
    few, many = _peak(setting, FEW), _peak(setting, MANY)
    yield plain(f"memory of the largest worker process, {FEW:,} clients", few, "MB", 0)
    yield plain(f"memory of the largest worker process, {MANY:,} clients", many, "MB", 0)
    yield at_most("  ratio", many / few, MOST_RATIO)


def _peak(setting: Setting, clients: int) -> float:
    with setting.business(seed=str(clients)) as books:
        books.go_live()
        return books.stage.memory("worker")
