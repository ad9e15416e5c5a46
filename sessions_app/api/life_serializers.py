"""Bodies and answers of `/api/v1/sessions/` and of their agents."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from config.kernel.rest import StrictSerializer
from sessions_app.domain.words import STANDARD_KEYS
from sessions_app.models import Instance, Session
from sessions_app.services.lives import MOST_AGENTS, AgentAsk, SessionAsk

MODES = Session.Mode.choices
PROFILES = Session.Profile.choices
STATUSES = Session.Status.choices
INSTANCE_STATUSES = Instance.Status.choices
LARGEST_WINDOW_TOKENS = 100_000_000
AGENT_NAME = r"^[\w.@:+-]+$"


class TaskIn(StrictSerializer):
    """What is asked of a session: by its size the tokens that it needs are foreseen."""

    files = serializers.IntegerField(min_value=0, max_value=100_000, required=False)
    agents = serializers.IntegerField(min_value=0, max_value=MOST_AGENTS, required=False)
    minutes = serializers.IntegerField(min_value=0, max_value=527_040, required=False)


class AgentIn(StrictSerializer):
    """Body of `POST /api/v1/sessions/{id}/agents/`."""

    agent = serializers.RegexField(AGENT_NAME, max_length=80, help_text="Its name: letters, digits and _ . @ : + -")
    role = serializers.CharField(max_length=80, required=False, allow_blank=True, default="")
    model = serializers.CharField(max_length=80, required=False, allow_blank=True, default="")
    window_tokens = serializers.IntegerField(
        min_value=2,
        max_value=LARGEST_WINDOW_TOKENS,
        required=False,
        allow_null=True,
        default=None,
        help_text="Left out: that of the model.",
    )
    max_output_tokens = serializers.IntegerField(
        min_value=1, max_value=LARGEST_WINDOW_TOKENS, required=False, allow_null=True, default=None
    )
    budget = serializers.UUIDField(
        required=False, allow_null=True, default=None, help_text="What its calls reserve on; left out: the session's."
    )


class SessionIn(StrictSerializer):
    """Body of `POST /api/v1/sessions/`."""

    name = serializers.CharField(max_length=120)
    external_id = serializers.CharField(max_length=200, required=False, allow_blank=True, default="")
    purpose = serializers.CharField(max_length=60, required=False, allow_blank=True, default="")
    mode = serializers.ChoiceField(choices=MODES, required=False, default=Session.Mode.EXPRESS)
    profile = serializers.ChoiceField(choices=PROFILES, required=False, default=Session.Profile.DEFAULT)
    policy = serializers.SlugField(max_length=40, required=False, allow_null=True, default=None)
    budget = serializers.UUIDField(required=False, allow_null=True, default=None)
    task = TaskIn(required=False, default=dict)
    state = serializers.DictField(
        required=False,
        default=dict,
        help_text="What the shared state begins with: keys of your own, and the standard ones "
        f"{', '.join(STANDARD_KEYS)}, that agents rely on.",
    )
    agents = serializers.ListField(child=AgentIn(), required=False, default=list, max_length=MOST_AGENTS)


class SessionsIn(serializers.Serializer):  # type: ignore[type-arg]
    """Query of `GET /api/v1/sessions/`."""

    status = serializers.ChoiceField(choices=STATUSES, required=False, default=None)
    external_id = serializers.CharField(max_length=200, required=False, default=None)
    name = serializers.CharField(max_length=120, required=False, default=None, help_text="A part of it.")
    before = serializers.UUIDField(required=False, default=None, help_text="Sessions older than this one.")


class AgentsIn(serializers.Serializer):  # type: ignore[type-arg]
    """Query of lists of agents."""

    with_retired = serializers.BooleanField(required=False, default=False, help_text="Earlier lives too.")


class SessionPolicyOut(serializers.Serializer):  # type: ignore[type-arg]
    """The version of a policy that a session runs under."""

    name = serializers.CharField(source="policy_name")
    version = serializers.IntegerField(source="policy_version")


class SessionOut(serializers.Serializer):  # type: ignore[type-arg]
    """A session."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    external_id = serializers.CharField()
    purpose = serializers.CharField()
    status = serializers.ChoiceField(choices=STATUSES)
    mode = serializers.ChoiceField(choices=MODES)
    profile = serializers.ChoiceField(choices=PROFILES)
    policy = SessionPolicyOut(source="*")
    budget = serializers.UUIDField(source="budget_id", allow_null=True)
    team = serializers.CharField(source="team_name")
    task = serializers.DictField(child=serializers.IntegerField())
    agents = serializers.IntegerField(help_text="Active ones.")
    created_by = serializers.CharField()
    created_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)
    head_seq = serializers.IntegerField(help_text="Number of the newest event.")
    archived_seq = serializers.IntegerField(help_text="Events up to here are in the archive.")
    last_event_at = serializers.DateTimeField()
    state_bytes = serializers.IntegerField()
    tokens_used = serializers.IntegerField()
    last_checkpoint_seq = serializers.IntegerField()
    last_checkpoint_at = serializers.DateTimeField(allow_null=True)


class AgentOut(serializers.Serializer):  # type: ignore[type-arg]
    """One life of an agent."""

    agent = serializers.CharField()
    role = serializers.CharField()
    epoch = serializers.IntegerField(help_text="Send it with what the agent writes: an earlier life is refused.")
    status = serializers.ChoiceField(choices=INSTANCE_STATUSES)
    model = serializers.CharField()
    window_tokens = serializers.IntegerField()
    max_output_tokens = serializers.IntegerField()
    context_tokens = serializers.IntegerField()
    occupancy_percent = serializers.FloatField(help_text="Of the window: what it holds and the next output.")
    component_tokens = serializers.DictField(child=serializers.IntegerField())
    fired_rungs = serializers.ListField(child=serializers.CharField())
    budget = serializers.UUIDField(source="budget_id", allow_null=True)
    created_at = serializers.DateTimeField()
    activated_at = serializers.DateTimeField(allow_null=True)
    retired_at = serializers.DateTimeField(allow_null=True)
    last_seen_at = serializers.DateTimeField(allow_null=True)


class AgentsOut(serializers.Serializer):  # type: ignore[type-arg]
    """Agents of a session: a hundred at most, in one answer."""

    results = AgentOut(many=True)


class AgentLivesOut(AgentOut):
    """The life that an agent leads now, and those before it."""

    earlier = AgentOut(many=True)


class SessionDetailOut(SessionOut):
    """A session with its agents."""

    digest = serializers.CharField(help_text="SHA-256 sum over the items of the state.")
    tokens_since_checkpoint = serializers.IntegerField()
    overrides = serializers.DictField(help_text="Terms that accepted proposals set.")
    members = AgentOut(many=True)


class EndedOut(serializers.Serializer):  # type: ignore[type-arg]
    """The end of a session."""

    seq = serializers.IntegerField(help_text="Its last event.")


def session_ask_of(values: dict[str, Any]) -> SessionAsk:
    """A session as services take it."""
    kept = {name: value for name, value in values.items() if name not in ("budget", "agents")}
    agents = tuple(agent_ask_of(each) for each in values["agents"])
    return SessionAsk(**kept, budget_id=values["budget"], agents=agents)


def agent_ask_of(values: dict[str, Any]) -> AgentAsk:
    """An agent as services take it."""
    return AgentAsk(**{name: value for name, value in values.items() if name != "budget"}, budget_id=values["budget"])
