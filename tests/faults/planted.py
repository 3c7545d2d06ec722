"""`pytest -p tests.faults.planted --mutant NAME TEST`: the test with a bug planted, which it is to notice."""

from collections.abc import Iterator

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--mutant", required=True)


@pytest.fixture(autouse=True)
def planted(request: pytest.FixtureRequest) -> Iterator[None]:
    from tests.faults.mutants import BY_NAME

    with BY_NAME[request.config.getoption("--mutant")].plant():
        yield
