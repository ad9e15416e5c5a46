"""What a deployment may be, checked before it is stored. Whether its host may be reached is checked at each call."""

from __future__ import annotations

import math
import re

from django.conf import settings

from budgets.domain.addresses import host_of, problem_of_host, problem_of_url
from climate.domain.model_classes import MODEL_CLASSES
from climate.selectors import list_regions
from config.kernel.errors import InvalidInput
from sessions_app.models import Deployment
from sessions_app.services.gateway.counting import factor_table
from sessions_app.services.gateway.secrets import NEED_A_SECRET, VARIABLE

NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,58}[a-z0-9])?")
PUBLIC_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,119}")
UPSTREAM_NAME = re.compile(r"[\x21-\x7e]{1,120}")
MOST_ALIASES = 20
MOST_TOKENS = 100_000_000
MOST_MICRO_USD = 10**12  # for a million tokens: a million US$
LEAST_WEIGHT, MOST_WEIGHT = 0.001, 1000.0
LONGEST_SECRET_CHARACTERS = 4000
PRICES = ("input_micro_usd_per_million", "cached_micro_usd_per_million", "output_micro_usd_per_million")
NEVER_OPEN = "This address is link-local, multicast or reserved: it is open to no deployment."
PRIVATE = "This address is private or reserved. The installation can allow its host in UPSTREAM_PRIVATE_HOSTS."


def check_deployment(deployment: Deployment, *, is_secret_given: bool = False) -> None:
    """Tidy what somebody filled in; raise InvalidInput naming the field at fault. Nothing is stored."""
    if not NAME.fullmatch(deployment.name):
        raise InvalidInput("A name has 1 to 60 small letters, digits and hyphens.", field="name")
    if Deployment.objects.filter(name=deployment.name).exclude(pk=deployment.pk).exists():
        raise InvalidInput("There is a deployment of this name.", field="name")
    if deployment.provider not in Deployment.Provider.values:
        raise InvalidInput("There is no such kind of provider.", field="provider")
    _check_address(deployment)
    _check_names(deployment)
    _check_sizes(deployment)
    _check_abilities(deployment)
    _check_place(deployment)
    _check_shared_names(deployment)
    _check_secret_source(deployment, is_secret_given)


def check_secret(secret: str) -> str:
    """A secret without blanks around it, such as a header can carry. Raises InvalidInput."""
    secret = secret.strip()
    if not re.fullmatch(rf"[\x21-\x7e]{{1,{LONGEST_SECRET_CHARACTERS}}}", secret):
        words = f"A secret has 1 to {LONGEST_SECRET_CHARACTERS} characters, without blanks and accents."
        raise InvalidInput(words, field="secret")
    return secret


def _check_address(deployment: Deployment) -> None:
    url = deployment.base_url = deployment.base_url.strip().rstrip("/")
    if deployment.provider == Deployment.Provider.ECHO:
        if url:
            raise InvalidInput("The built-in echo has no address.", field="base_url")
        return
    exceptions = frozenset(settings.UPSTREAM_PRIVATE_HOSTS)
    host = host_of(url)
    must_be_https = settings.ENVIRONMENT.is_production and host not in exceptions
    if "@" in url.partition("://")[2].partition("/")[0]:
        raise InvalidInput("No user and password in the address: enter the secret below.", field="base_url")
    if "?" in url:
        raise InvalidInput("Leave out what follows the ?.", field="base_url")
    if problem := problem_of_url(url, must_be_https=must_be_https):
        raise InvalidInput(problem.replace("https://example.org/hook", "https://api.example.org/v1"), field="base_url")
    is_own_machine = host.rstrip(".") == "localhost" or host.rstrip(".").endswith(".localhost")
    if host not in exceptions and is_own_machine:
        raise InvalidInput(PRIVATE, field="base_url")
    if problem := problem_of_host(host, exceptions=exceptions):
        is_never_open = bool(problem_of_host(host, exceptions=frozenset({host})))
        words = NEVER_OPEN if is_never_open else PRIVATE
        raise InvalidInput(words if "private" in problem else problem, field="base_url")


def _check_names(deployment: Deployment) -> None:
    deployment.upstream_model = deployment.upstream_model.strip()
    if not UPSTREAM_NAME.fullmatch(deployment.upstream_model):
        raise InvalidInput("What the provider calls the model, without blanks.", field="upstream_model")
    words = "1 to 120 letters, digits and . _ : / @ + -, beginning with a letter or digit."
    deployment.served_name = deployment.served_name.strip()
    if not PUBLIC_NAME.fullmatch(deployment.served_name):
        raise InvalidInput(words, field="served_name")
    if not isinstance(deployment.aliases, list | tuple) or len(deployment.aliases) > MOST_ALIASES:
        raise InvalidInput(f"At most {MOST_ALIASES} other names, as a list.", field="aliases")
    if wrong := [each for each in deployment.aliases if not isinstance(each, str) or not PUBLIC_NAME.fullmatch(each)]:
        raise InvalidInput(f"{str(wrong[0])[:40]!r} is no name: {words}", field="aliases")
    deployment.aliases = [each for each in dict.fromkeys(deployment.aliases) if each != deployment.served_name]


def _check_sizes(deployment: Deployment) -> None:
    for field in ("context_window_tokens", "max_output_tokens"):
        if not 1 <= getattr(deployment, field) <= MOST_TOKENS:
            raise InvalidInput(f"1 to {MOST_TOKENS} tokens.", field=field)
    if deployment.max_output_tokens > deployment.context_window_tokens:
        raise InvalidInput("Not more than the window holds.", field="max_output_tokens")
    for field in PRICES:
        price = getattr(deployment, field)
        if price is not None and not 0 <= price <= MOST_MICRO_USD:
            raise InvalidInput(f"0 to {MOST_MICRO_USD} micro-USD, or empty if it is not known.", field=field)
    if not math.isfinite(deployment.weight) or not LEAST_WEIGHT <= deployment.weight <= MOST_WEIGHT:
        raise InvalidInput(f"{LEAST_WEIGHT:g} to {MOST_WEIGHT:g}.", field="weight")


def _check_abilities(deployment: Deployment) -> None:
    if not deployment.serves_chat and not deployment.serves_embeddings:
        raise InvalidInput("It serves chat, embeddings or both.", field="serves_chat")
    if deployment.serves_embeddings and deployment.provider == Deployment.Provider.ANTHROPIC:
        raise InvalidInput("This provider has no embeddings.", field="serves_embeddings")
    known = factor_table().families
    if deployment.tokeniser not in known:
        raise InvalidInput(f"Known are {', '.join(known)}.", field="tokeniser")


def _check_place(deployment: Deployment) -> None:
    if deployment.model_class not in MODEL_CLASSES:
        raise InvalidInput(f"Known are {', '.join(MODEL_CLASSES)}.", field="model_class")
    region = next((each for each in list_regions(active_only=False) if each.code == deployment.region_id), None)
    if region is None:
        raise InvalidInput("There is no such region.", field="region")
    if deployment.is_active and not region.is_active:
        raise InvalidInput("This region is switched off.", field="region")
    if deployment.is_active and not region.capacity_tokens_per_hour.get(deployment.model_class):
        words = f"This region has no capacity for model class {deployment.model_class}: nothing could be granted there."
        raise InvalidInput(words, field="model_class")


def _check_shared_names(deployment: Deployment) -> None:
    """All that answer to a public name have one model class, and the echo answers for no model."""
    names = {deployment.served_name, *deployment.aliases}
    is_echo = deployment.provider == Deployment.Provider.ECHO
    others = Deployment.objects.exclude(pk=deployment.pk)
    for other, served, aliases, model_class, provider in others.values_list(
        "name", "served_name", "aliases", "model_class", "provider"
    ):
        shared = sorted(names & {served, *aliases})
        if not shared:
            continue
        field = "served_name" if deployment.served_name in shared else "aliases"
        if is_echo != (provider == Deployment.Provider.ECHO):
            words = f"{shared[0]} is a name of {other}: the built-in echo and models share no name."
            raise InvalidInput(words, field=field)
        if model_class != deployment.model_class:
            words = f"{other} serves {shared[0]} with class {model_class}: one public name has one model class."
            raise InvalidInput(words, field="model_class")


def _check_secret_source(deployment: Deployment, is_secret_given: bool) -> None:
    variable = deployment.secret_variable = deployment.secret_variable.strip()
    if variable and not VARIABLE.fullmatch(variable):
        words = "Capital letters, digits and underscores, beginning with UPSTREAM_KEY_."
        raise InvalidInput(words, field="secret_variable")
    has_secret = bool(variable or deployment.sealed_secret or is_secret_given)
    if has_secret and deployment.provider == Deployment.Provider.ECHO:
        raise InvalidInput("The built-in echo takes no secret.", field="secret")
    if not has_secret and deployment.is_active and deployment.provider in NEED_A_SECRET:
        raise InvalidInput("This provider needs a secret: name a variable, or enter one.", field="secret")
