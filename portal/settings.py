"""Django settings. Values that differ between machines come from the environment, read in `portal.environment`."""

import os
from typing import Any

import environ
from django.templatetags.static import static
from django.utils.csp import CSP

from portal import environment

environ.Env.read_env(environment.ROOT / ".env")
ENV = environment.read(os.environ)

BASE_DIR = environment.ROOT
DEBUG = ENV.debug
SECRET_KEY = ENV.secret_key
ENCRYPTION_KEYS = ENV.encryption_keys
BASE_URL = ENV.base_url
SECURE = BASE_URL.startswith("https://")
HOST = BASE_URL.split("//", 1)[-1].split("/")[0].split(":")[0]
ALLOWED_HOSTS = [*ENV.allowed_hosts, HOST, *(["127.0.0.1", "localhost"] if DEBUG else [])]
CSRF_TRUSTED_ORIGINS = [BASE_URL]

INSTALLED_APPS = [
    "unfold.apps.BasicAppConfig",
    "unfold.contrib.filters",
    "portal.apps.AdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "django_htmx",
    "django_q",
    "syncs",
    "portal",
]

MIDDLEWARE = [
    "portal.middleware.DatabaseDown",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "portal.middleware.OneName",
    "django.middleware.csp.ContentSecurityPolicyMiddleware",
    "django.middleware.common.CommonMiddleware",
    "portal.middleware.Deliveries",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "allauth.usersessions.middleware.UserSessionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "portal.middleware.SessionLimits",
    "portal.middleware.BusinessScope",
]

ROOT_URLCONF = "portal.urls"
WSGI_APPLICATION = "portal.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.csp",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "portal.context.frame",
            ],
        },
    },
]

DATABASES: dict[str, Any] = {"default": {**ENV.database, "CONN_MAX_AGE": None}}
SQLITE = ENV.database.get("ENGINE", "").endswith("sqlite3")
if SQLITE:
    DATABASES["default"]["ENGINE"] = "portal.databases.sqlite3"
    DATABASES["default"]["OPTIONS"] = {
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON;",
    }
else:
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
    # Measured: compiling the queries of the overview took ten times as long as answering them.
    quick = {"connect_timeout": 5, "options": "-c jit=off"}
    DATABASES["default"]["OPTIONS"] = {**quick, **ENV.database.get("OPTIONS", {})}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "portal.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "account_login"

ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_CONFIRM_EMAIL_ON_GET = False
# Only in the browser that signed up; any other asks for the password.
ACCOUNT_LOGIN_ON_EMAIL_CONFIRMATION = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = True
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = False
ACCOUNT_REAUTHENTICATION_TIMEOUT = 15 * 60
ACCOUNT_CHANGE_EMAIL = True
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_SIGNUP_FORM_CLASS = "portal.accounts.SignupForm"
ACCOUNT_RATE_LIMITS = {"login_failed": "5/15m/key,20/15m/ip"}
ACCOUNT_ADAPTER = "portal.accounts.AccountAdapter"
ACCOUNT_DEFAULT_HTTP_PROTOCOL = "https" if SECURE else "http"
ALLAUTH_TRUSTED_PROXY_COUNT = int(ENV.trusted_proxy)
MFA_ADAPTER = "portal.accounts.MFAAdapter"
# Browsers make passkeys for a name, never for a bare IP address.
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"] if environment.is_ip(HOST) else ["totp", "recovery_codes", "webauthn"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_TOLERANCE = 1
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not SECURE
MFA_TOTP_ISSUER = "Fieldbridge"
# portal.middleware.SessionLimits notes the activity, without a write for every request.
USERSESSIONS_TRACK_ACTIVITY = False

MAILERS = {"default": ENV.email}
#: Alerts may go to servers on this machine, and without TLS: where one tries things out.
ALERTS_ANYWHERE = DEBUG or not SECURE
DEFAULT_FROM_EMAIL = SERVER_EMAIL = ENV.from_email

LANGUAGE_CODE = "en-au"
TIME_ZONE = ENV.time_zone
USE_I18N = True
USE_TZ = True

STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = DEBUG

#: Seconds since signing in, and since the last request, after which a person signs in again.
SESSION_COOKIE_AGE = 24 * 3600
SESSION_IDLE_AGE = 8 * 3600
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE
CSRF_COOKIE_HTTPONLY = True
if SECURE:
    SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = "__Host-session", "__Host-csrf"
SECURE_SSL_REDIRECT = SECURE
SECURE_REDIRECT_EXEMPT = [r"^health/$", r"^healthz$", r"^metrics$"]
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if SECURE else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = SECURE
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
if ENV.trusted_proxy:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_CSP = {
    "default-src": [CSP.NONE],
    "script-src": [CSP.SELF, CSP.NONCE],
    "style-src": [CSP.SELF],
    "img-src": [CSP.SELF, "data:"],
    "font-src": [CSP.SELF],
    "connect-src": [CSP.SELF],
    "form-action": [CSP.SELF],
    "base-uri": [CSP.NONE],
    "frame-ancestors": [CSP.NONE],
    "object-src": [CSP.NONE],
    "manifest-src": [CSP.SELF],
}
#: Bodies above this are refused before they are read; webhooks and forms are far smaller.
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2000

CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "cache"},
    # Where django-q2 notes its own status twice a second, which nobody reads.
    "queue": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "queue"},
}

# The rows of `syncs` are the truth and own all retries; the queue only wakes a worker (docs/architecture.md).
Q_CLUSTER: dict[str, Any] = {
    "name": "fieldbridge",
    "label": "Task queue",
    "orm": "default",
    "broker_class": "portal.broker.Polling" if SQLITE else "portal.broker.Listening",
    "cache": "queue",
    "workers": 2,
    "timeout": 60,
    "retry": 1200,
    "queue_limit": 2,
    "max_attempts": 1,
    "ack_failures": True,
    "save_limit": -1,
    "poll": 0.05 if SQLITE else 1,
    "catch_up": False,
    "recycle": 1_000_000,
    "scheduler": False,
}
#: Outside calls that one lane makes at once.
LANE_THREADS = ENV.lane_threads
#: What a monitor sends to read /metrics; '' lets this machine alone.
METRICS_TOKEN = ENV.metrics_token
KEEP_DAYS = ENV.keep_days

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"()": "portal.logs.OneLine", "format": "{asctime} {levelname} {name} {message}", "style": "{"}
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": "INFO"},
    "loggers": {
        "httpx": {"level": "WARNING"},
        "httpcore": {"level": "WARNING"},
        "stripe": {"level": "WARNING"},
        "django-q": {"level": "WARNING"},
        "fontTools": {"level": "WARNING"},
        "fpdf": {"level": "ERROR"},  # a letter that the face has not is drawn as a box
    },
}

#: People who use the admin must have a second factor.
REQUIRE_ADMIN_MFA = ENV.admin_mfa
UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "Fieldbridge",
    "SITE_HEADER": "Fieldbridge",
    "SITE_SYMBOL": "sync_alt",
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": lambda request: static("favicon.svg")}],
    "SHOW_VIEW_ON_SITE": False,
    "DASHBOARD_CALLBACK": "portal.admin.dashboard.context",
    "STYLES": [lambda request: static("fieldbridge-admin.css")],
    "SCRIPTS": [lambda request: static("fieldbridge-admin.js"), lambda request: static("fieldbridge-rows.js")],
    "SIDEBAR": {"show_search": True, "navigation": "portal.admin.navigation.groups"},
    "COLORS": {
        "primary": {
            "50": "#eef5fb",
            "100": "#dbeaf7",
            "200": "#b7d5ef",
            "300": "#8abbe4",
            "400": "#4f97d2",
            "500": "#1f78bd",
            "600": "#0b5fa5",
            "700": "#084a82",
            "800": "#083d6b",
            "900": "#09335a",
            "950": "#05203a",
        },
    },
}
