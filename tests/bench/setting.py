"""Where the figures are measured: one folder and one database for all of them, emptied before each."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit, urlunsplit

from portal.demo import environment
from portal.demo.environment import Place
from tests.bench import stage

PREPARED = "bench_"


class Setting:
    """Django is set up in here too, with the children's own environment."""

    def __init__(self, place: Place, environ: dict[str, str], log: IO[str]) -> None:
        self.place, self.environ, self._log = place, environ, log

    def prepare(self) -> None:
        """The tables and the static files, as the demo makes them."""
        subprocess.run(
            [sys.executable, "manage.py", "demo_data"], cwd=environment.ROOT, env=self.environ, stdout=self._log,
            stderr=subprocess.STDOUT, check=True,
        )  # fmt: skip
        os.environ.update(self.environ)
        import django

        django.setup()

    def last_words(self) -> list[str]:
        """What the children have said, the end of it."""
        return Path(self._log.name).read_text().splitlines()[-20:]

    @contextlib.contextmanager
    def business(self, *, seed: str, limits: bool = False, hooks: bool = False) -> "Iterator[business.Books]":
        """Fresh processes on an empty database; a business with both accounts connected, not yet live."""
        from tests.bench import business

        business.empty()
        started = stage.staged(self.place, self.environ, self._log, seed=seed, limits=limits, hooks=hooks)
        with started as running, business.opened(running) as books:
            yield books


@contextlib.contextmanager
def database(url: str) -> Iterator[str]:
    """A PostgreSQL database of our own beside the one that `url` names, which is not touched. '' stays ''."""
    if not url:
        yield ""
        return
    import psycopg
    from psycopg import sql

    parts = urlsplit(url)
    name = PREPARED + parts.path.strip("/")
    drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
    with psycopg.connect(urlunsplit(parts._replace(path="/postgres")), autocommit=True) as server:
        server.execute(drop)
        server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            yield urlunsplit(parts._replace(path=f"/{name}"))
        finally:
            server.execute(drop)
