from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from portal.supervisor import Supervisor


class Command(BaseCommand):
    help = "Do the work that waits in the queue, until stopped. Several may run side by side."

    def handle(self, **options: Any) -> None:
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            raise CommandError("The database is not up to date: run `python manage.py migrate` first.")
        Supervisor().run()
