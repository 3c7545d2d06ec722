"""The slowest of ten thousand hostile expressions, templates and patterns."""

import time
from collections.abc import Iterator

from tests import hostile
from tests.bench.setting import Setting
from tests.bench.table import Figure, at_most

#: None may take longer.
MOST_MS = 50


def figures(setting: Setting) -> Iterator[Figure]:
    """In CPU time of this process alone, so that what else runs does not count."""
    slowest: dict[str, float] = {}
    for text, tried in hostile.cases():
        kind = tried.__name__
        began = time.process_time()
        tried(text)
        took = 1000 * (time.process_time() - began)
        if kind in slowest:  # what is imported at the first use is not the text's time
            slowest[kind] = max(slowest[kind], took)
        slowest.setdefault(kind, 0.0)
    for kind, took in slowest.items():
        yield at_most(f"slowest hostile {kind}: CPU", took, MOST_MS, "ms", 1)
