"""No call leaves the machine while a database transaction is open."""

from importlib import import_module

from django.db import connection


class CallInsideTransaction(AssertionError):
    """A programming error: the call would hold locks for as long as the service takes, and outlive a rollback."""


def refuse_inside_transaction(*_: object) -> None:
    # A test case's own outermost block is not a transaction of the code under test.
    ours = [block for block in connection.atomic_blocks if not getattr(block, "_from_testcase", False)]
    if ours:
        raise CallInsideTransaction("An outside service was called inside a database transaction.")


def watch() -> None:
    try:
        http = import_module("connectors.http")
    except ModuleNotFoundError:
        return
    if refuse_inside_transaction not in http.before_request:
        http.before_request.append(refuse_inside_transaction)
