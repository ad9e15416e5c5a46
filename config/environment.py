"""Every knob of a deployment, read once from the environment and typed.

Defaults suit a first run on one machine. Production refuses to start on them.
Each variable is documented in `.env.example`.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, cast
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parent.parent

Mode = Literal["local", "production"]
Visitors = Literal["nothing", "figures", "everything"]
MAIL_SCHEMES = ("smtp", "smtps", "smtp+tls", "smtp+ssl", "consolemail", "filemail")


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceSettings:
    """Where one source of climate data is asked, with which keys and options; keys by the name of their variable."""

    url: str
    secrets: dict[str, str] = field(default_factory=dict, repr=False)
    options: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """The deployment as its environment describes it."""

    mode: Mode
    debug: bool
    secret_key: str
    earlier_secret_keys: list[str]
    api_key_pepper: str
    data_dir: Path
    database_url: str
    redis_url: str
    allowed_hosts: list[str]
    trusted_origins: list[str]
    visitors: Visitors
    log_level: str
    host: str
    port: int
    metrics_token: str
    sources: dict[str, SourceSettings]
    outgoing_hosts: list[str]
    archive_dir: Path
    spool_dir: Path
    emergency_dir: Path
    request_rate_per_minute: int
    plan_retention_hours: int
    public_url: str
    email_url: str
    default_from_email: str
    webhook_private_hosts: list[str]
    upstream_private_hosts: list[str]

    @property
    def is_production(self) -> bool:
        """Whether the strict settings apply."""
        return self.mode == "production"

    @property
    def is_embedded(self) -> bool:
        """Whether broker and channel layer live inside the one process."""
        return not self.redis_url


def _one_of(name: str, value: str, allowed: tuple[str, ...]) -> str:
    if value not in allowed:
        raise ImproperlyConfigured(f"{name}={value!r} is not one of {', '.join(allowed)}.")
    return value


def _whole(name: str, value: str, default: int) -> int:
    """A whole number, zero or more; the default where nothing is said."""
    text = value.strip()
    if not text:
        return default
    if not (text.isascii() and text.isdigit()):
        raise ImproperlyConfigured(f"{name}={value!r} is no whole number.")
    return int(text)


def _local_secret(data_dir: Path) -> str:
    """A secret of this machine, made on the first run and kept beside the data, readable by its owner only.

    Of several first processes one wins; it is never seen half-written.
    """
    path = data_dir / "secret_key"
    try:
        if not path.exists():
            data_dir.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile("w", dir=data_dir) as draft:  # made with mode 600
                draft.write(secrets.token_urlsafe(50))
                draft.flush()
                with contextlib.suppress(FileExistsError):
                    os.link(draft.name, path)
        return path.read_text().strip()
    except OSError as error:
        raise ImproperlyConfigured(
            f"COMMONWATT_DATA_DIR={data_dir} is no folder that can be written to: {error.strerror}."
        ) from error


def _public_url(url: str) -> str:
    parts = urlsplit(url)
    if url and (parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment):
        raise ImproperlyConfigured("PUBLIC_URL is no address that a browser can open, such as https://example.org.")
    return url.rstrip("/")


def _email_url(url: str) -> str:
    scheme = url.partition("://")[0]
    if url and scheme not in MAIL_SCHEMES:  # the rest of the address may hold a password
        raise ImproperlyConfigured(f"EMAIL_URL begins with none of {', '.join(MAIL_SCHEMES)}.")
    return url


def _sources(env: environ.Env) -> dict[str, SourceSettings]:
    """Every source by its name in `climate.domain.providers`."""

    version = _one_of("ELECTRICITY_MAPS_VERSION", env.str("ELECTRICITY_MAPS_VERSION", "v4"), ("v3", "v4"))
    return {
        "gb-carbon-intensity": SourceSettings(
            url=env.str("GB_CARBON_INTENSITY_URL", "https://api.carbonintensity.org.uk")
        ),
        "energy-charts": SourceSettings(url=env.str("ENERGY_CHARTS_URL", "https://api.energy-charts.info")),
        "electricity-maps": SourceSettings(
            url=env.str("ELECTRICITY_MAPS_URL", "https://api.electricitymaps.com"),
            secrets={"ELECTRICITY_MAPS_KEY": env.str("ELECTRICITY_MAPS_KEY", "")},
            options={"version": version, "zones": env.str("ELECTRICITY_MAPS_ZONES", "")},
        ),
        "watttime": SourceSettings(
            url=env.str("WATTTIME_URL", "https://api.watttime.org"),
            secrets={
                "WATTTIME_USERNAME": env.str("WATTTIME_USERNAME", ""),
                "WATTTIME_PASSWORD": env.str("WATTTIME_PASSWORD", ""),
            },
            options={"zones": env.str("WATTTIME_ZONES", "")},
        ),
        "entsoe": SourceSettings(
            url=env.str("ENTSOE_URL", "https://web-api.tp.entsoe.eu"),
            secrets={"ENTSOE_TOKEN": env.str("ENTSOE_TOKEN", "")},
            options={"zones": env.str("ENTSOE_ZONES", "")},
        ),
        "eia": SourceSettings(
            url=env.str("EIA_URL", "https://api.eia.gov"),
            secrets={"EIA_KEY": env.str("EIA_KEY", "")},
            options={"zones": env.str("EIA_ZONES", "")},
        ),
        "gdacs": SourceSettings(url=env.str("GDACS_URL", "https://www.gdacs.org")),
        "reliefweb": SourceSettings(
            url=env.str("RELIEFWEB_URL", "https://api.reliefweb.int"),
            secrets={"RELIEFWEB_APPNAME": env.str("RELIEFWEB_APPNAME", "")},
        ),
        "nws": SourceSettings(
            url=env.str("NWS_URL", "https://api.weather.gov"), options={"contact": env.str("NWS_CONTACT", "")}
        ),
    }


def read_environment() -> Environment:
    """Read and check the environment; raise ImproperlyConfigured naming the variable at fault."""
    env = environ.Env()
    env.read_env(os.environ.get("COMMONWATT_ENV_FILE", str(BASE_DIR / ".env")))
    mode = cast(Mode, _one_of("COMMONWATT_ENV", env.str("COMMONWATT_ENV", "local"), ("local", "production")))
    data_dir = Path(env.str("COMMONWATT_DATA_DIR", str(BASE_DIR / "var"))).expanduser().resolve()
    secret_key = env.str("SECRET_KEY", "")
    allowed_hosts = env.list("ALLOWED_HOSTS", default=[])
    if mode == "production":
        if len(secret_key) < 32:
            raise ImproperlyConfigured("Set SECRET_KEY to at least 32 random characters: COMMONWATT_ENV is production.")
        if not allowed_hosts:
            raise ImproperlyConfigured(
                "Set ALLOWED_HOSTS to the names this deployment answers to: COMMONWATT_ENV is production."
            )
    secret_key = secret_key or _local_secret(data_dir)
    host, port = env.str("HOST", "127.0.0.1"), _whole("PORT", env.str("PORT", ""), 8000)
    own_machine = f"http://{host}:{port}" if mode == "local" else ""
    return Environment(
        mode=mode,
        debug=env.bool("DEBUG", False),
        secret_key=secret_key,
        earlier_secret_keys=env.list("EARLIER_SECRET_KEYS", default=[]),
        api_key_pepper=env.str("API_KEY_PEPPER", secret_key),
        data_dir=data_dir,
        database_url=env.str("DATABASE_URL", f"sqlite:///{data_dir / 'commonwatt.sqlite3'}"),
        redis_url=env.str("REDIS_URL", ""),
        allowed_hosts=allowed_hosts or ["127.0.0.1", "localhost", "[::1]"],
        trusted_origins=env.list("CSRF_TRUSTED_ORIGINS", default=[]),
        visitors=cast(
            Visitors,
            _one_of(
                "COMMONWATT_VISITORS",
                env.str("COMMONWATT_VISITORS", "everything" if mode == "local" else "figures"),
                ("nothing", "figures", "everything"),
            ),
        ),
        log_level=env.str("LOG_LEVEL", "INFO").upper(),
        host=host,
        port=port,
        metrics_token=env.str("METRICS_TOKEN", ""),
        sources=_sources(env),
        outgoing_hosts=env.list("OUTGOING_HOSTS", default=[]),
        archive_dir=Path(env.str("ARCHIVE_DIR", str(data_dir / "archive"))).expanduser().resolve(),
        spool_dir=Path(env.str("SPOOL_DIR", str(data_dir / "spool"))).expanduser().resolve(),
        # Not below the data folder: it is for the day on which that cannot be written to.
        emergency_dir=Path(env.str("EMERGENCY_DIR", f"{tempfile.gettempdir()}/commonwatt-emergency")).expanduser(),
        request_rate_per_minute=_whole("REQUEST_RATE_PER_MINUTE", env.str("REQUEST_RATE_PER_MINUTE", ""), 6000),
        plan_retention_hours=_whole("PLAN_RETENTION_HOURS", env.str("PLAN_RETENTION_HOURS", ""), 48),
        public_url=_public_url(env.str("PUBLIC_URL", "") or own_machine),
        email_url=_email_url(env.str("EMAIL_URL", "") or ("consolemail://" if mode == "local" else "")),
        default_from_email=env.str("DEFAULT_FROM_EMAIL", "") or "commonwatt@localhost",
        webhook_private_hosts=[name.lower() for name in env.list("WEBHOOK_PRIVATE_HOSTS", default=[])],
        upstream_private_hosts=[name.lower() for name in env.list("UPSTREAM_PRIVATE_HOSTS", default=[])],
    )
