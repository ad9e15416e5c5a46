"""Django settings, derived from the typed environment."""

from __future__ import annotations

import logging
from typing import Any

import environ

from config.administration import appearance
from config.environment import BASE_DIR, read_environment
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
CELERY_BEAT_SCHEDULE: dict[str, Any] = {
    "collect-climate": {"task": "climate.tasks.collect_due_sources", "schedule": 60.0},
    "end-emergencies": {"task": "climate.tasks.end_emergencies", "schedule": 60.0},
    "keep-forecasts-good": {"task": "climate.tasks.keep_forecasts_good", "schedule": 3600.0},
    "retire-readings": {"task": "climate.tasks.retire_old_readings", "schedule": 86_400.0},
    "resume-reading-imports": {"task": "climate.tasks.resume_reading_imports", "schedule": 60.0},
    "forget-old-answers": {"task": "accounts.tasks.forget_old_answers", "schedule": 3600.0},
    "begin-budget-periods": {"task": "budgets.tasks.begin_due_periods", "schedule": 30.0},
    "deliver-alerts": {"task": "budgets.tasks.deliver_alerts", "schedule": 10.0, "options": {"expire_seconds": 10}},
    "sweep-holds": {"task": "budgets.tasks.sweep_holds", "schedule": 15.0},
    "tend-escrow": {"task": "budgets.tasks.tend_escrow", "schedule": 5.0, "options": {"expire_seconds": 5}},
    "renew-seals": {"task": "budgets.tasks.renew_seals", "schedule": 3600.0},
    "forget-deliveries": {"task": "budgets.tasks.forget_deliveries", "schedule": 86_400.0},
    "learn-estimates": {"task": "budgets.tasks.learn_estimates", "schedule": 60.0},
    "note-forecasts": {"task": "budgets.tasks.note_forecasts", "schedule": 300.0},
    "propose-shares": {"task": "budgets.tasks.propose_changes", "schedule": 604_800.0},
    "expire-holds": {"task": "market.tasks.expire_overdue", "schedule": 15.0},
    "forget-old-plans": {"task": "market.tasks.forget_old_plans", "schedule": 3600.0},
    "take-up-planned-work": {"task": "market.tasks.take_up_due", "schedule": 60.0},
    "allocation-pass": {"task": "market.tasks.run_allocation_pass", "schedule": 300.0},
    "count-arrivals": {"task": "market.tasks.count_arrivals", "schedule": 600.0},
    "run-standing-rules": {"task": "market.tasks.run_standing_rules", "schedule": 300.0},
    "watch-conduct": {"task": "market.tasks.watch_conduct", "schedule": 3600.0},
    "snapshot-reputation": {"task": "market.tasks.snapshot_reputation", "schedule": 3600.0},
    "expire-orders": {"task": "market.tasks.expire_orders", "schedule": 15.0},
    "hold-calls": {"task": "market.tasks.hold_calls", "schedule": 10.0},
    "settle-loans": {"task": "market.tasks.settle_loans", "schedule": 60.0},
}
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
SPECTACULAR_SETTINGS = {
    "TITLE": "Commonwatt API",
    "DESCRIPTION": "Climate-aware allocation of AI capacity.",
    "VERSION": "1.0.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_NAME_OVERRIDES": {
        "DisasterKindEnum": "climate.api.emergency_serializers.KINDS",
        "AlertLevelEnum": "climate.api.emergency_serializers.LEVELS",
        "EmergencyStateEnum": "climate.api.emergency_serializers.STATES",
        "OutageKindEnum": "climate.api.outages.KINDS",
        "BudgetLevelEnum": "budgets.api.bodies.LEVELS",
        "BudgetStatusEnum": "budgets.api.answers.STATUSES",
        "HoldStatusEnum": "budgets.api.answers.HOLD_STATUSES",
        "LedgerKindEnum": "budgets.api.answers.LEDGER_KINDS",
        "GearEnum": "budgets.api.answers.GEARS_USED",
        "GearChoiceEnum": "budgets.api.bodies.GEARS",
        "AdjustmentKindEnum": "budgets.api.bodies.ADJUSTMENT_KINDS",
        "AdjustmentStatusEnum": "budgets.api.answers.ADJUSTMENT_STATUSES",
        "BudgetAlertKindEnum": "budgets.api.alert_serializers.ALERT_KINDS",
        "ChannelKindEnum": "budgets.api.alert_serializers.CHANNEL_KINDS",
        "ChannelStateEnum": "budgets.api.alert_serializers.CHANNEL_STATES",
        "DeliveryStatusEnum": "budgets.api.alert_serializers.DELIVERY_STATUSES",
        "EconomicKindEnum": "budgets.api.economy.EVENT_KINDS",
        "ProposalStatusEnum": "budgets.api.economy.PROPOSAL_STATUSES",
        "RequestStatusEnum": "market.api.serializers.STATUSES",
        "UnitEnum": "budgets.api.bodies.UNITS",
        "PeriodEnum": "budgets.api.bodies.PERIODS",
        "ModelClassEnum": "budgets.api.bodies.CLASSES",
        "TradedUnitEnum": "market.api.trading.order_serializers.TRADED_UNITS",
        "TradedClassEnum": "market.api.trading.order_serializers.TRADED_CLASSES",
        "TradedPeriodEnum": "market.api.trading.order_serializers.TRADED_PERIODS",
        "OrderSideEnum": "market.models.Order.Side",
        "OrderKindEnum": "market.models.Order.Kind",
        "OrderStatusEnum": "market.models.Order.Status",
        "OrderSourceEnum": "market.models.Order.Source",
        "JournalKindEnum": "market.models.Journal.Kind",
        "AuctionKindEnum": "market.models.Auction.Kind",
        "AuctionStatusEnum": "market.models.Auction.Status",
        "HaltKindEnum": "market.models.TradingHalt.Kind",
        "FundEntryKindEnum": "market.models.FundEntry.Kind",
        "LoanStatusEnum": "market.models.Loan.Status",
        "LoanEventKindEnum": "market.models.LoanEvent.Kind",
        "ForwardSideEnum": "market.models.ForwardLeg.Side",
        "ForwardStatusEnum": "market.models.ForwardLeg.Status",
        "DonationStatusEnum": "market.models.Donation.Status",
        "FlagKindEnum": "market.models.ConductFlag.Kind",
        "FlagStatusEnum": "market.models.ConductFlag.Status",
        "AppealStatusEnum": "market.models.Appeal.Status",
        "RuleKindEnum": "market.models.StandingRule.Kind",
    },
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "config.api.schema.document_problems",
    ],
}

DATA_UPLOAD_MAX_MEMORY_SIZE = 8 * 1024 * 1024  # two million characters of text to count, escaped

# --- outside sources --------------------------------------------------------------

CLIMATE_SOURCES = ENVIRONMENT.sources
# Where connectors may be redirected to, besides the hosts of the configured addresses.
OUTGOING_HOSTS = ENVIRONMENT.outgoing_hosts
ARCHIVE_DIR = ENVIRONMENT.archive_dir
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
