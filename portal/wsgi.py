"""The door for granian: `granian --interface wsgi portal.wsgi:application`."""

import os

from django.core.exceptions import ImproperlyConfigured
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
try:
    application = get_wsgi_application()
except ImproperlyConfigured as problem:
    raise SystemExit(f"Fieldbridge cannot start.\n{problem}") from None
