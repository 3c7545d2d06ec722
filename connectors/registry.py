"""The connectors there are. A new one is one line in CONNECTORS and one case in the contract suite."""

import os
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from typing import cast

from connectors.base import Connector

#: slug -> where its class lives; imported at first use, since some libraries are slow to load.
CONNECTORS = {
    "jobber": "connectors.jobber:Jobber",
    "stripe": "connectors.stripe:Stripe",
}


@cache
def connector_class(slug: str) -> type[Connector]:
    """KeyError for a slug that is not registered."""
    module, name = CONNECTORS[slug].split(":")
    return cast(type[Connector], getattr(import_module(module), name))


@cache
def get(slug: str) -> Connector:
    """The connector as the environment configures it; one per process, so that its HTTP pool is shared."""
    return configured(slug, os.environ)


def configured(slug: str, environ: Mapping[str, str]) -> Connector:
    """A connector built from these variables, defaults filled in."""
    cls = connector_class(slug)
    return cls({s.name: environ.get(s.name) or s.default for s in cls.settings})
