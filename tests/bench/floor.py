"""The floor: a plain asyncio script that reads every client and creates a customer for each, and nothing else.

No snapshot, no ledger, no retry: it shows what the calls alone cost, and how fast the stand-ins can take them.
Run as a process of its own, so that its CPU time is its own: prints {"seconds", "cpu", "records", "calls"}.
"""

import argparse
import asyncio
import json
import resource
import sys
import time
import uuid
from typing import Any
from urllib.parse import urlencode

import uvloop

from connectors.jobber import documents
from tests.bench.wire import Wire

AT_ONCE = 64
_RUN = uuid.uuid4().hex
JOBBER = {
    "Authorization": "Bearer operator-jobber-token",
    "X-JOBBER-GRAPHQL-VERSION": "2025-04-16",
    "Content-Type": "application/json",
}
#: An account that no figure uses.
STRIPE = {"Authorization": "Bearer sk_test_operator_3", "Content-Type": "application/x-www-form-urlencoded"}


async def run(url: str) -> dict[str, float]:
    wire = Wire(url)
    started = time.perf_counter()
    clients = await _read(wire)
    waiting = iter(clients)
    await asyncio.gather(*(_create(wire, waiting) for _ in range(AT_ONCE)))
    seconds = time.perf_counter() - started
    wire.close()
    used = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "seconds": seconds, "cpu": used.ru_utime + used.ru_stime - _START, "records": len(clients), "calls": wire.calls,
    }  # fmt: skip


async def _read(wire: Wire) -> list[Any]:
    found: list[Any] = []
    after: str | None = None
    while True:
        asked = {"query": documents.text("clients_page"), "variables": {"first": 100, "after": after}}
        answer = await wire.post("/jobber/api/graphql", json.dumps(asked).encode(), JOBBER)
        page = answer.json()["data"]["clients"]
        found += page["nodes"]
        if not page["pageInfo"]["hasNextPage"]:
            return found
        after = page["pageInfo"]["endCursor"]


async def _create(wire: Wire, waiting: Any) -> None:
    for client in waiting:
        fields = {"name": client["name"], "metadata[jobber_client_id]": client["id"]}
        if client["emails"]:
            fields["email"] = client["emails"][0]["address"]
        headers = STRIPE | {"Idempotency-Key": f"{_RUN}-{client['id']}"}
        answer = await wire.post("/stripe/v1/customers", urlencode(fields).encode(), headers)
        if answer.status != 200:
            raise RuntimeError(f"The stand-in answered {answer.status}: {answer.body[:200]!r}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    address = parser.parse_args().url
    begun = resource.getrusage(resource.RUSAGE_SELF)
    _START = begun.ru_utime + begun.ru_stime  # starting Python is not part of the work
    json.dump(uvloop.run(run(address)), sys.stdout)
