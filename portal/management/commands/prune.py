from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from portal import retention


class Command(BaseCommand):
    help = "Remove what is older than the KEEP_ settings say. The worker does it every day; it may be stopped any time."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--seconds", type=float, default=0, help="stop after so long; without it, at the end")

    def handle(self, *args: Any, seconds: float, **options: Any) -> None:
        done = retention.prune(seconds, lambda words, count: self.stdout.write(f"{words}: {count:,}"))
        self.stdout.write("Nothing that is too old is left." if done else "There is more: run it again.")
