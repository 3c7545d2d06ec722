#!/usr/bin/env python
"""Django's command-line door."""

import os
import sys


def main() -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line
    from django.db.utils import OperationalError

    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as problem:
        print(f"Fieldbridge cannot start.\n{problem}", file=sys.stderr)
        return 2
    except OperationalError as problem:
        print(
            f"The database does not answer: {problem}\n"
            "Check that it runs and that DATABASE_URL names it, then start again. Nothing was lost.",
            file=sys.stderr,
        )
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
