from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser

from portal.connect import Problem
from portal.demo import data, statics


class Command(BaseCommand):
    help = "Prepare the demo's database. Run by `make demo`; it refuses to touch any other portal."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--live", action="store_true", help="connect both accounts and go live; sandboxes must run")

    def handle(self, *, live: bool, **options: Any) -> None:
        try:
            data.check_is_demo()
            if live:
                data.go_live()
                return
            call_command("migrate", verbosity=0)
            statics.collect()
            data.make()
        except data.NotADemo as refusal:
            raise CommandError(f"{refusal}") from None
        except Problem as problem:
            raise CommandError(f"{problem.title}. {problem.words}") from None
