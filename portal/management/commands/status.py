import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from portal import status


class Command(BaseCommand):
    help = "Show how connections, syncs and the worker stand."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="for scripts and monitors")

    def handle(self, *, json: bool, **options: Any) -> None:
        report = status.report()
        self.stdout.write(_json(report) if json else "\n".join(lines(report)))


def _json(report: status.Report) -> str:
    return json.dumps(report, indent=2, ensure_ascii=False)


def lines(report: status.Report) -> list[str]:
    """The report for people."""
    age = report["worker"]["heartbeat_age"]
    found = [f"Worker: last heartbeat {age:.0f} s ago" if age is not None else "Worker: none is running", ""]
    found.append("Connections" if report["connections"] else "Connections: none")
    for row in report["connections"]:
        ok = f", last ok {row['last_ok']}" if row["last_ok"] else ""
        found.append(f"  {row['business']}: {row['connector']} · {row['account']} · {row['status']}{ok}")
        found += [f"    {row['reason']}"] if row["reason"] else []
    found += ["", "Syncs" if report["syncs"] else "Syncs: none"]
    for row in report["syncs"]:
        found += _sync(row)
    found += ["", "Open incidents" if report["incidents"] else "Open incidents: none"]
    found += [f"  {row['business']}: {row['title']}. {row['next_step']}" for row in report["incidents"]]
    return found


def _sync(row: dict[str, Any]) -> list[str]:
    found = [f"  {row['business']}: {row['name']} · {row['mode']} · {row['state'].replace('_', ' ')}"]
    found.append("    " + ", ".join(f"{count} {place}" for place, count in row["ledger"].items()))
    if row["run"]:
        run = row["run"]
        found.append(f"    {run['kind']}: {run['read']} of {run['total'] or '?'} read, {run['left']} left")
    if row["lane"]["reason"]:
        found.append(f"    {row['lane']['reason']}")
    return found
