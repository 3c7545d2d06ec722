"""The other side of each connector: one case per connector, by which the contract suite acts there.

A new connector needs one file here and one line in CASES.
"""

from connectors.sandbox.running import Running
from tests.connectors.cases.base import Case
from tests.connectors.cases.jobber import JobberCase
from tests.connectors.cases.stripe import StripeCase

CASES: dict[str, type[Case]] = {"jobber": JobberCase, "stripe": StripeCase}


def case(slug: str, running: Running, **more: str) -> Case:
    if slug not in CASES:
        raise AssertionError(
            f"The connector “{slug}” has no case in the contract suite: write tests/connectors/cases/{slug}.py "
            "and add it to CASES."
        )
    return CASES[slug](running, **more)
