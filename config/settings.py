"""Django settings, derived from the typed environment."""

from __future__ import annotations

import logging
from typing import Any

import environ

from config.administration import appearance
from config.api import schema_settings
from config.environment import BASE_DIR, read_environment
from config.schedule import SCHEDULE
from config.server.logs import logging_settings

ENVIRONMENT = read_environment()

SECRET_KEY = ENVIRONMENT.secret_key
SECRET_KEY_FALLBACKS = ENVIRONMENT.earlier_secret_keys
API_KEY_PEPPER = ENVIRONMENT.api_key_pepper
DEBUG = ENVIRONMENT.debug
ALLOWED_HOSTS = ENVIRONMENT.allowed_hosts
CSRF_TRUSTED_ORIGINS = ENVIRONMENT.trusted_origins
VISITORS_MAY_SEE = ENVIRONMENT.visitors
METRICS_TOKEN = ENVIRONMENT.metrics_token

INSTALLED_APPS = [
    "unfold",
    "unfold.contrib.filters",
    "unfold.contrib.simple_history",
    "unfold.contrib.import_export",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "axes",
    "channels",
    "csp",
    "django_celery_beat",
    "django_prometheus",
    "django_structlog",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "import_export",
    "rest_framework",
    "simple_history",
    "accounts",
    "climate",
    "budgets",
    "market",
    "sessions_app",
    "dashboard",
    "config.server",
]

MIDDLEWARE = [
    # First: orchestrators ask without TLS and by address, and are not traffic.
    "config.server.middleware.HealthMiddleware",
    "config.api.request_id.RequestIdMiddleware",
    "django_prometheus.middleware.PrometheusBeforeMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "config.administration.csp.SiteCSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_structlog.middlewares.RequestMiddleware",
    "config.api.paths.StorablePathMiddleware",
    "simple_history.middleware.HistoryRequestMiddleware",
    "axes.middleware.AxesMiddleware",
    "django_prometheus.middleware.PrometheusAfterMiddleware",
]

ROOT_URLCONF = "config.urls"
ASGI_APPLICATION = "config.asgi.application"
WSGI_APPLICATION = "config.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

# --- database ----------------------------------------------------------------


def _database() -> dict[str, Any]:
    database: dict[str, Any] = environ.Env.db_url_config(ENVIRONMENT.database_url)
    if database["ENGINE"].endswith("sqlite3"):
        ENVIRONMENT.data_dir.mkdir(parents=True, exist_ok=True)
        database["OPTIONS"] = {
            # A write transaction takes its lock at the start: with DEFERRED, two readers that
            # both want to write cannot both win, and one of them fails at once.
            "transaction_mode": "IMMEDIATE",
            "timeout": 30,
            # FULL: a commit survives a power cut, not only a crash of the process.
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;",
        }
        # Tests use a file too: several connections of one process must see one database.
        database["TEST"] = {"NAME": str(ENVIRONMENT.data_dir / "test.sqlite3")}
    else:
        database["CONN_MAX_AGE"] = 60
        database["CONN_HEALTH_CHECKS"] = True
    return database


DATABASES = {"default": _database()}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- broker, channel layer, cache ---------------------------------------------

if ENVIRONMENT.is_embedded:
    CELERY_BROKER_URL = "memory://localhost/"
    CELERY_BROKER_TRANSPORT_OPTIONS = {"polling_interval": 0.1}  # seconds; the default lets a task wait for one
    CHANNEL_LAYERS: dict[str, Any] = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
    CACHES: dict[str, Any] = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
else:
    CELERY_BROKER_URL = ENVIRONMENT.redis_url
    CHANNEL_LAYERS = {
        "default": {
            "BACKEND": "channels_redis.core.RedisChannelLayer",
            # A socket with no news waits 5 s for some, then asks again. The client's own limit is 5 s as well:
            # were it left so, every quiet socket would end with a timeout.
            "CONFIG": {"hosts": [{"address": ENVIRONMENT.redis_url, "socket_timeout": 30}]},
        }
    }
    CACHES = {
        "default": {
            "BACKEND": "config.cache.ForgivingRedisCache",
            "LOCATION": ENVIRONMENT.redis_url,
            # A dead cache costs a request half a second, not a minute.
            "OPTIONS": {"socket_connect_timeout": 0.5, "socket_timeout": 0.5},
        }
    }

CELERY_TASK_IGNORE_RESULT = True  # nobody reads results; kept ones would grow without end
CELERY_TASK_ACKS_LATE = True
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TIMEZONE = "UTC"
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BEAT_SCHEDULE = SCHEDULE
CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"

# --- people ----------------------------------------------------------------------

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "overview"
LOGOUT_REDIRECT_URL = "overview"
AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = 0.25  # hours
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_LOCKOUT_TEMPLATE = "429.html"

# --- API -------------------------------------------------------------------------

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.api.authentication.ApiKeyAuthentication",
        "accounts.api.authentication.PersonAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["accounts.api.permissions.HasScope"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["config.api.parsers.StrictJSONParser"],
    "DEFAULT_PAGINATION_CLASS": "config.api.pagination.Pages",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_VERSIONING_CLASS": None,
    "EXCEPTION_HANDLER": "config.api.problems.problem_handler",
    "DEFAULT_THROTTLE_CLASSES": ["accounts.api.throttling.PerKeyThrottle"],
    "DEFAULT_THROTTLE_RATES": {"key": f"{ENVIRONMENT.request_rate_per_minute}/min"},
    "UNAUTHENTICATED_USER": None,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = schema_settings.SPECTACULAR

DATA_UPLOAD_MAX_MEMORY_SIZE = 8 * 1024 * 1024  # two million characters of text to count, escaped

# --- outside sources --------------------------------------------------------------

CLIMATE_SOURCES = ENVIRONMENT.sources
# Where connectors may be redirected to, besides the hosts of the configured addresses.
OUTGOING_HOSTS = ENVIRONMENT.outgoing_hosts
ARCHIVE_DIR = ENVIRONMENT.archive_dir
SPOOL_DIR = ENVIRONMENT.spool_dir
EMERGENCY_DIR = ENVIRONMENT.emergency_dir
TIKTOKEN_CACHE_DIR = ENVIRONMENT.data_dir / "tiktoken"

# --- telling people and programs ------------------------------------------------------

PUBLIC_URL = ENVIRONMENT.public_url
DEFAULT_FROM_EMAIL = SERVER_EMAIL = ENVIRONMENT.default_from_email
HAS_EMAIL = bool(ENVIRONMENT.email_url)
EMAIL_TIMEOUT = 10  # seconds, for each answer of the mail server
# Without EMAIL_URL nothing is sent, and `budgets.connectors.mail` says so of every message instead of dropping it.
_email: dict[str, Any] = environ.Env.email_url_config(ENVIRONMENT.email_url or "dummymail://")
EMAIL_BACKEND = _email["EMAIL_BACKEND"]
EMAIL_FILE_PATH = _email["EMAIL_FILE_PATH"]
EMAIL_HOST = _email["EMAIL_HOST"] or "localhost"
EMAIL_PORT = _email["EMAIL_PORT"]
EMAIL_HOST_USER = _email["EMAIL_HOST_USER"] or ""
EMAIL_HOST_PASSWORD = _email["EMAIL_HOST_PASSWORD"] or ""
EMAIL_USE_TLS = _email.get("EMAIL_USE_TLS", False)
EMAIL_USE_SSL = _email.get("EMAIL_USE_SSL", False)
# Hosts, by name, that webhooks may reach although their address is private.
WEBHOOK_PRIVATE_HOSTS = ENVIRONMENT.webhook_private_hosts
# The same for deployments of models, such as an Ollama on this machine.
UPSTREAM_PRIVATE_HOSTS = ENVIRONMENT.upstream_private_hosts

# --- pages and static files ---------------------------------------------------------

LANGUAGE_CODE = "en-gb"
TIME_ZONE = "UTC"
USE_TZ = True
FORMAT_MODULE_PATH = "config.formats"
STATIC_URL = "static/"
STATIC_ROOT = ENVIRONMENT.data_dir / "staticfiles"
if not ENVIRONMENT.is_production:
    STATIC_ROOT.mkdir(parents=True, exist_ok=True)  # stays empty: files are found where they are written
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = not ENVIRONMENT.is_production

# --- security -----------------------------------------------------------------------

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
        "base-uri": ["'none'"],
        "manifest-src": ["'self'"],
    },
}
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
if ENVIRONMENT.is_production:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_SSL_REDIRECT = True
    SECURE_HSTS_SECONDS = 31_536_000
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True

SIMPLE_HISTORY_ENABLED = True
UNFOLD = appearance.UNFOLD

LOGGING = logging_settings(level=ENVIRONMENT.log_level, as_json=ENVIRONMENT.is_production)
# RequestIdMiddleware has made the id harmless; the log carries the one that the caller sees.
DJANGO_STRUCTLOG_TRUST_UPSTREAM_REQUEST_ID = True
DJANGO_STRUCTLOG_STATUS_START_LOG_LEVEL = logging.DEBUG
DJANGO_STRUCTLOG_STATUS_4XX_LOG_LEVEL = logging.INFO
