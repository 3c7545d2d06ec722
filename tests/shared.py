"""The folder of outside truth that may stand beside the project."""

from pathlib import Path
from typing import Any

import pytest


def folder() -> Path | None:
    """The nearest sibling folder called `shared`, looking upwards from the repository."""
    for parent in Path(__file__).resolve().parents[1:]:
        if (parent.parent / "shared" / "data").is_dir():
            return parent.parent / "shared"
    return None


def file(name: str) -> Path:
    """A file of it; the test is skipped where it is absent."""
    found = folder()
    if found is None or not (found / "data" / name).exists():
        pytest.skip(f"There is no folder 'shared' beside the project with data/{name} in it.")
    return found / "data" / name


def read(name: str) -> Any:
    import json

    return json.loads(file(name).read_text())
