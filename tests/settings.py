"""The settings of a test run: those of a first run, in a temporary data folder, closed to the outside.

Nothing of the person's own deployment is read: no `.env`, no `var/`. `DATABASE_URL` and
`REDIS_URL` are heeded, for that is how the suite runs on other servers.
"""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

from tests.servers.redis import numbered

CLOSED = "http://127.0.0.1:9"  # refuses at once: a test that forgets to record an answer fails

given = os.environ.get("COMMONWATT_DATA_DIR")
worker = os.environ.get("PYTEST_XDIST_WORKER")
folder = Path(given) if given else Path(tempfile.mkdtemp(prefix="commonwatt_tests_"))
if not given:
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
# Workers inherit the folder of the process that starts them and get one each inside it.
os.environ["COMMONWATT_DATA_DIR"] = str(folder / worker if worker else folder)
# So do they of Redis' numbered databases: tests empty the cache, and listen to what is pushed.
if os.environ.get("REDIS_URL"):
    os.environ["REDIS_URL"] = numbered(os.environ["REDIS_URL"], 0)
os.environ["COMMONWATT_ENV_FILE"] = os.devnull
os.environ["COMMONWATT_ENV"] = "local"
for source in (
    *("GB_CARBON_INTENSITY", "ENERGY_CHARTS", "ELECTRICITY_MAPS", "WATTTIME", "ENTSOE", "EIA"),
    *("GDACS", "RELIEFWEB", "NWS"),
):
    os.environ[f"{source}_URL"] = CLOSED
for secret in (
    *("ELECTRICITY_MAPS_KEY", "WATTTIME_USERNAME", "WATTTIME_PASSWORD", "ENTSOE_TOKEN", "EIA_KEY"),
    *("RELIEFWEB_APPNAME", "EARLIER_SECRET_KEYS", "EMAIL_URL", "DEFAULT_FROM_EMAIL", "PUBLIC_URL"),
    *("WEBHOOK_PRIVATE_HOSTS", "UPSTREAM_PRIVATE_HOSTS"),
    *(name for name in os.environ if name.startswith("UPSTREAM_KEY_")),
):
    os.environ.pop(secret, None)
os.environ.setdefault("LOG_LEVEL", "WARNING")

from config.settings import *  # noqa: E402, F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # hundreds of logins, none worth guarding
if "init_command" in DATABASES["default"].get("OPTIONS", {}):  # noqa: F405
    # SQLite: a kill -9 loses nothing even so, and no test pulls the plug.
    opening = DATABASES["default"]["OPTIONS"]["init_command"]  # noqa: F405
    DATABASES["default"]["OPTIONS"]["init_command"] = opening.replace("synchronous=FULL", "synchronous=OFF")  # noqa: F405
