"""docker-compose.yml describes a deployment that has no default secret and no blind spot."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent.parent.parent
TEXT = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
SERVICES = yaml.safe_load(TEXT)["services"]


def test_it_has_every_part_of_a_deployment():
    assert set(SERVICES) == {"prepare", "web", "worker", "beat", "postgres", "redis"}


@pytest.mark.parametrize("name", ["web", "worker", "beat", "postgres", "redis"])
def test_every_lasting_service_is_checked_and_restarted(name):
    assert SERVICES[name]["healthcheck"]["test"]
    assert SERVICES[name]["restart"] == "unless-stopped"


@pytest.mark.parametrize("name", ["SECRET_KEY", "API_KEY_PEPPER", "POSTGRES_PASSWORD", "ALLOWED_HOSTS"])
def test_what_must_be_chosen_has_no_default(name):
    uses = re.findall(rf"\$\{{{name}(.*?)\}}", TEXT)

    assert uses
    assert all(use.startswith(":?") for use in uses)


@pytest.mark.parametrize("name", ["web", "worker", "beat"])
def test_nothing_starts_before_the_database_is_prepared(name):
    assert SERVICES[name]["depends_on"]["prepare"] == {"condition": "service_completed_successfully"}


def test_the_data_outlives_the_containers():
    assert SERVICES["postgres"]["volumes"] == ["postgres:/var/lib/postgresql/data"]
    assert set(yaml.safe_load(TEXT)["volumes"]) == {"archive", "postgres", "redis"}
    for name in ("web", "worker"):
        assert SERVICES[name]["volumes"] == [f"archive:{SERVICES[name]['environment']['ARCHIVE_DIR']}"]


def test_the_image_takes_every_app_of_the_project():
    copied = set(re.findall(r"^COPY (\w+) \1$", (ROOT / "deploy" / "Dockerfile").read_text(), re.MULTILINE))
    apps = {path.parent.name for path in ROOT.glob("*/apps.py")}

    assert apps | {"config", "templates", "static"} == copied
