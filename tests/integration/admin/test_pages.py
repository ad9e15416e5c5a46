"""Every page of every model opens, with a bounded number of queries, and auditors change nothing."""

import pytest
from django.contrib import admin
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from simple_history.utils import get_history_manager_for_model

from config.administration.appearance import NAVIGATION
from config.administration.audit import audited_models
from config.administration.base import RecordAdmin
from tests.integration.admin.rows import make_rows

pytestmark = pytest.mark.django_db
OURS = ("accounts", "climate", "budgets", "market", "sessions_app")
ADDED_OTHERWISE = {"climate.readingimport"}  # its page to add leads to the one where a file is brought
MODELS = [model for model in admin.site._registry if model._meta.app_label in OURS]
LIBRARIES = [model for model in admin.site._registry if model._meta.app_label in ("auth", "django_celery_beat", "axes")]
MOST_QUERIES = 30


def label(model):
    return model._meta.label_lower


def url(model, page, *args):
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


def queries(client, address):
    with CaptureQueriesContext(
        connection,
    ) as captured:
        answer = client.get(address)
    assert answer.status_code == 200, address
    return len(captured)


def test_every_model_of_ours_that_people_look_at_has_a_page():
    from django.apps import apps

    shown_elsewhere = {
        "accounts.claim",
        "accounts.membership",
        "climate.alertversion",
        "climate.regioncapacity",
        "climate.rememberedanswer",  # bodies of answers: nothing that a person reads
        "budgets.deliveryattempt",
        "budgets.holdline",
        "budgets.proposalline",
        "budgets.spendbucket",  # sums of the ledger, kept to draw curves from
        "market.auctioninputs",  # arrays, packed: an auction is worked out again from them
        "market.orderevent",
        "market.posting",
        "market.registryuse",
        "market.arrivalhour",  # sums of requests, kept to expect from
        "market.placement",  # a million rows a plan: the pages of requests and runs tell them in words
        "market.runinputs",  # arrays, packed
        # the pages of a session tell these in words
        "sessions_app.contextitem",
        "sessions_app.deploymenthealth",
        "sessions_app.exhaustionforecast",
        "sessions_app.fact",
        "sessions_app.handoffmember",
        "sessions_app.instance",
        "sessions_app.instancehold",
        "sessions_app.round",
        "sessions_app.sessionlikeness",
        "sessions_app.sessionvector",  # numbers; what became of one is told with `similar/`
        "sessions_app.statebody",
        "sessions_app.stateitem",
        "sessions_app.threadblob",
        "sessions_app.threadcheckpoint",
        "sessions_app.threadwrite",
        "sessions_app.triageprogress",
        "sessions_app.turn",
        "sessions_app.usage",
    }
    models = {
        label(model)
        for app in OURS
        for model in apps.get_app_config(app).get_models()
        if not model.__name__.startswith("Historical")
    }
    assert models - {label(model) for model in MODELS} == shown_elsewhere


@pytest.mark.parametrize("model", MODELS, ids=label)
def test_the_list_opens_and_more_rows_cost_no_more_queries(root, model):
    make_rows(model, range(1, 3))
    root.get(url(model, "changelist"))  # fills the caches of content types and permissions
    few = queries(root, url(model, "changelist"))
    make_rows(model, range(3, 9))
    assert queries(root, url(model, "changelist")) == few
    assert few <= MOST_QUERIES


@pytest.mark.parametrize("model", MODELS, ids=label)
def test_the_search_works(root, model):
    make_rows(model, range(1, 3))
    assert root.get(url(model, "changelist"), {"q": "abc"}).status_code == 200


@pytest.mark.parametrize("model", MODELS + LIBRARIES, ids=label)
def test_the_page_of_one_and_the_page_to_add_open(root, model):
    rows = make_rows(model, range(1, 3)) if model in MODELS else []
    if rows:
        assert queries(root, url(model, "change", rows[0].pk)) <= MOST_QUERIES
    may_add = admin.site._registry[model].has_add_permission(root.get("/admin/").wsgi_request)
    refusal = 302 if label(model) in ADDED_OTHERWISE else 403
    assert root.get(url(model, "add")).status_code == (200 if may_add else refusal)


@pytest.mark.parametrize("model", LIBRARIES, ids=label)
def test_the_lists_of_libraries_open(root, model):
    assert root.get(url(model, "changelist")).status_code == 200


@pytest.mark.parametrize("model", [m for m in MODELS if m in audited_models()], ids=label)
def test_the_history_of_one_opens(root, model):
    row = make_rows(model, range(1, 2))[0]
    row.save()
    assert root.get(url(model, "history", row.pk)).status_code == 200
    version = get_history_manager_for_model(model).first().pk
    old = url(model, "simple_history", row.pk, version)
    assert root.get(old).status_code == 200
    assert root.post(old, {}).status_code == 403, "the past is not written"


@pytest.mark.parametrize("model", [m for m in MODELS if isinstance(admin.site._registry[m], RecordAdmin)], ids=label)
def test_a_record_is_not_even_written_by_a_superuser(root, model):
    row = make_rows(model, range(1, 2))[0]
    before = model.objects.filter(pk=row.pk).values().get()
    assert root.post(url(model, "add"), {}).status_code == (302 if label(model) in ADDED_OTHERWISE else 403)
    assert root.post(url(model, "change", row.pk), {}).status_code == 403
    assert root.post(url(model, "delete", row.pk), {"post": "yes"}).status_code == 403
    assert model.objects.filter(pk=row.pk).values().get() == before


@pytest.mark.parametrize("model", MODELS, ids=label)
def test_an_auditor_reads_and_writes_nothing(member_of, model):
    auditor = member_of("auditors")
    row = make_rows(model, range(1, 2))[0]
    before = model.objects.filter(pk=row.pk).values().get()
    assert auditor.get(url(model, "changelist")).status_code == 200
    assert auditor.get(url(model, "change", row.pk)).status_code == 200
    assert auditor.get(url(model, "add")).status_code == 403
    assert auditor.post(url(model, "add"), {}).status_code == 403
    assert auditor.post(url(model, "change", row.pk), {"name": "other"}).status_code == 403
    assert auditor.post(url(model, "delete", row.pk), {"post": "yes"}).status_code == 403
    assert model.objects.filter(pk=row.pk).values().get() == before


ACTIONS = [
    ("accounts_apikey_revoke", True),
    ("climate_datasource_fetch_now", True),
    ("climate_datasource_pause", True),
    ("climate_datasource_resume", True),
    ("climate_emergency_confirm", True),
    ("climate_emergency_dismiss", True),
    ("climate_emergency_lift", True),
    ("climate_emergency_start_drill", False),
    ("budgets_adjustment_approve", True),
    ("budgets_adjustment_reject", True),
    ("budgets_budget_change_limit", True),
    ("budgets_budget_configure", True),
    ("budgets_budget_correct", True),
    ("budgets_budget_end", True),
    ("budgets_budget_from_template", False),
    ("budgets_budget_lift_four_eyes", True),
    ("budgets_budget_propose_shares", True),
    ("budgets_budget_rebalance_below", True),
    ("budgets_budget_reset", True),
    ("budgets_budget_swarm", True),
    ("budgets_budget_transfer", True),
    ("budgets_budgetproposal_accept", True),
    ("budgets_budgetproposal_decline", True),
    ("market_policy_new_version", True),
    ("market_policy_make_current", True),
    ("market_policy_make_default", True),
    ("market_allocationrun_run_now", False),
    ("market_fund_deposit", False),
    ("market_account_deposit", False),
    ("market_account_withdraw", False),
    ("market_appeal_accept", True),
    ("market_appeal_reject", True),
    ("market_auction_replay", True),
    ("market_auction_reverse", True),
    ("market_conductflag_lift", True),
    ("market_conductflag_uphold", True),
    ("market_instrument_close_call", True),
    ("market_instrument_halt", True),
    ("market_order_strike", True),
    ("market_registryunit_bring", False),
    ("market_standingrule_pause", True),
    ("market_tradinghalt_halt_all", False),
    ("market_tradinghalt_resume", True),
]


@pytest.mark.parametrize(("name", "is_of_one"), ACTIONS)
def test_an_auditor_is_refused_every_action(member_of, name, is_of_one):
    auditor = member_of("auditors")
    model = next(model for model in MODELS if name.startswith(label(model).replace(".", "_") + "_"))
    args = [make_rows(model, range(1, 2))[0].pk] if is_of_one else []
    address = reverse(f"admin:{name}", args=args)
    assert auditor.get(address).status_code == 403
    assert auditor.post(address, {"reason": "because"}).status_code == 403


def test_an_auditor_imports_nothing(member_of):
    assert member_of("auditors").get("/admin/climate/country/import/").status_code == 403


@pytest.mark.parametrize("address", ["/admin/", "/admin/audit-log/", "/admin/market/policy/"])
def test_a_visitor_is_sent_to_the_login(client, db, address):
    answer = client.get(address)
    assert answer.status_code == 302
    assert answer["Location"].startswith("/admin/login/")


def test_the_overview_offers_what_the_sidebar_offers(root):
    page = root.get("/admin/").content.decode()
    for section in NAVIGATION[1:]:
        for item in section["items"]:
            assert item["description"] in page
            assert root.get(str(item["link"])).status_code == 200


def test_the_overview_offers_an_operator_only_what_they_may_see(db):
    from django.test import Client

    from accounts.models import User

    client = Client()
    client.force_login(User.objects.create_user("new", is_staff=True))
    page = client.get("/admin/").content.decode()
    assert "Prices, carbon cost, justice" not in page
    assert "/admin/audit-log/" not in page


def test_the_administration_has_a_policy_of_its_own_and_the_rest_keeps_the_strict_one(root):
    own = root.get("/admin/")["Content-Security-Policy"]
    assert "script-src 'self' 'unsafe-inline' 'unsafe-eval'" in own
    assert "default-src 'none'" in own
    assert "frame-ancestors 'none'" in own
    elsewhere = root.get("/api/v1/regions/")["Content-Security-Policy"]
    assert "unsafe" not in elsewhere


def test_an_empty_list_says_so_and_a_search_without_a_hit_offers_all(root):
    address = "/admin/climate/readingimport/"
    assert "Nothing here yet." in root.get(address).content.decode()
    found = root.get(f"{address}?q=roof").content.decode()
    assert "Nothing fits." in found
    assert "Nothing here yet." not in found
