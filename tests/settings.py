"""The settings tests run under: the real ones, with an environment of their own."""

import os

os.environ.update(
    DEBUG="true",
    SECRET_KEY="tests-only-" + "x" * 50,
    ENCRYPTION_KEYS="YXQtbGVhc3QtdGhpcnR5LXR3by1ieXRlcy1oZXJlISE=",
    BASE_URL="http://testserver",
    EMAIL_URL="memorymail://",
    JOBBER_CLIENT_ID="sandbox-jobber-client",
    JOBBER_CLIENT_SECRET="sandbox-jobber-secret",
    STRIPE_SECRET_KEY="sk_test_sandbox_platform",
    STRIPE_CLIENT_ID="ca_sandbox",
    STRIPE_WEBHOOK_SECRET="whsec_sandbox",
)
os.environ.setdefault("DATABASE_URL", "sqlite://:memory:")

from portal.settings import *  # noqa: F403  # the environment must be set first

if SQLITE:  # noqa: F405
    DATABASES["default"]["TEST"] = {"NAME": ":memory:"}  # noqa: F405
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
ALLOWED_HOSTS = ["*"]
STATIC_ROOT = BASE_DIR / "var" / "no-static-files"  # noqa: F405  # nothing is collected for tests
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
