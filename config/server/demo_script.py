"""What demo agents of `manage.py demo_session` say and do: written for the demonstration, no record of real work."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sessions_app.domain.words import Component, FactKind, ItemKind, Stance

SESSION_NAME = "Flood desk (demonstration)"
WINDOW_TOKENS = 1_600
OUTPUT_TOKENS = 200
STATE: dict[str, Any] = {
    "focus": "Which districts need boats before tonight's tide",
    "roles": {"coordinator": "decides", "hydrologist": "reads gauges", "logistics": "moves boats", "writer": "briefs"},
    "coordination": {"next": "13:30 UTC, all agents", "quorum": "three of four"},
    "tasks": {
        "gauges": {"state": "in progress", "owner": "hydrologist"},
        "boats": {"state": "open", "owner": "logistics"},
        "briefing": {"state": "open", "owner": "writer"},
    },
}


@dataclass(frozen=True, slots=True)
class Agent:
    """A demo agent and the model that it says it uses."""

    name: str
    role: str
    model: str


@dataclass(frozen=True, slots=True)
class Said:
    """What an agent brings into its window by one call, and what it changes in the shared state."""

    agent: str
    operation: str
    key: str
    kind: ItemKind
    component: Component
    text: str
    delta: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What an agent says in the round."""

    agent: str
    stance: Stance
    confidence: float
    text: str
    reason: str = ""


AGENTS = (
    Agent("coordinator", "decides", "gpt-4o"),
    Agent("hydrologist", "reads gauges", "gpt-4o-mini"),
    Agent("logistics", "moves boats", "gpt-4o-mini"),
    Agent("writer", "briefs", "gpt-4o"),
)
FACTS = (
    ("coordinator", FactKind.DECISION, "Sylhet and Sunamganj are served first: 41,000 people below 6 m.", True),
    ("logistics", FactKind.CONSTRAINT, "No boat leaves after 19:40 UTC; the tide closes the Surma mouth.", True),
    ("hydrologist", FactKind.OPEN, "The Kanaighat gauge has been silent since 09:15 UTC.", False),
    ("writer", FactKind.ARTIFACT, "Briefing draft 2 is in shared/briefing-2.md.", False),
)
TOPIC = "Do we send all twelve boats to Sylhet before 19:40 UTC?"
ROUND = (
    Answer("coordinator", Stance.AGREE, 0.8, "Send all twelve to Sylhet; Sunamganj has its own six."),
    Answer("hydrologist", Stance.AGREE, 0.6, "The level rises 4 cm an hour; twelve boats are enough."),
    Answer(
        "logistics",
        Stance.DISSENT,
        0.7,
        "Send nine. Three boats stay for Companiganj.",
        "Companiganj has no boats, and its road is cut.",
    ),
    Answer("writer", Stance.AGREE, 0.5, "Send all twelve boats to Sylhet."),
)
_REPORTS = (
    (
        "hydrologist",
        "read_file",
        "gauges/sylhet.csv",
        ItemKind.FILE,
        Component.KNOWLEDGE,
        "Gauge at Sylhet, metres above datum, every quarter of an hour. 08:00 10.42; 08:15 10.43; 08:30 10.45; 08:45 "
        "10.46; 09:00 10.48; 09:15 10.51; 09:30 10.54; 09:45 10.57. Danger level is 10.80. The rise was 2 cm an hour "
        "before nine and is 12 cm an hour since. The sensor was calibrated on 3 March. Rain upstream at Cherrapunji "
        "was 188 mm in the last 24 hours, and it takes 9 to 11 hours to arrive here.",
        {"tasks": {"gauges": {"state": "in progress", "level_m": "10.57", "rise_cm_per_h": 12}}},
    ),
    (
        "logistics",
        "tool_call",
        "boats.list",
        ItemKind.TOOL_OUTPUT,
        Component.WORKING_MEMORY,
        "Boats that answered the call at 09:40: B01 to B06 at Sunamganj, two engines each, 14 people. B07 to B12 at "
        "Sylhet ghat, one engine, 9 people. B13 in repair until tomorrow. Fuel: 1,900 litres at Sunamganj, 640 at "
        "Sylhet. A return trip to Companiganj takes 55 litres. The fire brigade lends two more boats from 14:00.",
        {"tasks": {"boats": {"state": "in progress", "ready": 12, "fuel_l": 2540}}},
    ),
    (
        "writer",
        "response",
        "briefing",
        ItemKind.MESSAGE,
        Component.INTERACTION,
        "Draft for the district commissioner. The Surma rises at Sylhet by 12 cm an hour and will pass the danger "
        "level of 10.80 m at about 11:40. We propose to open the schools of wards 3, 5 and 9 as shelters by eleven, "
        "and to move people from the river side first. We do not know the level at Kanaighat. Boats are ready.",
        {"artefacts": {"briefing": "shared/briefing-2.md"}},
    ),
    (
        "coordinator",
        "delegation",
        "plan",
        ItemKind.TASK,
        Component.AGENT,
        "Plan as agreed. First, wards 3 and 5 of Sylhet: 9,200 people below six metres. Second, Sunamganj: 31,800 "
        "people, but six boats are there already. Third, Companiganj if the road is cut. Check at 13:30 with all. "
        "Nobody sends a boat without telling logistics. The writer sends no message outside before I have read it.",
        {"focus": "Wards 3 and 5 of Sylhet first", "decisions": {"d1": "Sylhet before Sunamganj"}},
    ),
    (
        "logistics",
        "tool_call",
        "trace",
        ItemKind.DEBUG,
        Component.WORKING_MEMORY,
        "GET /boats?state=ready 200 in 84 ms. retry 0. cache miss. GET /fuel?depot=sylhet 200 in 61 ms. retry 0. "
        "GET /fuel?depot=sunamganj 504 in 5000 ms. retry 1. GET /fuel?depot=sunamganj 200 in 77 ms. parsed 14 rows.",
        None,
    ),
    (
        "hydrologist",
        "read_file",
        "manual/gauges.md",
        ItemKind.DOCUMENTATION,
        Component.KNOWLEDGE,
        "Manual of the gauge network, chapter 4. A gauge sends a value each quarter of an hour by radio. A gauge that "
        "is silent for more than an hour is to be called by telephone. Values that jump by more than 40 cm in a "
        "quarter of an hour are flagged and not published. Datum is PWD. Danger levels are reviewed each May. "
        "Chapter 5 describes batteries; chapter 6 the lightning protection; chapter 7 whom to call at night.",
        None,
    ),
)
ROUNDS_OF_REPORTS = 6


def calls() -> list[Said]:
    """The reports again and again, each time of another hour, as a long morning goes."""
    return [
        Said(agent, operation, f"{key} {hour:02}:00", kind, component, f"{hour:02}:00. {text}", delta)
        for hour in range(8, 8 + ROUNDS_OF_REPORTS)
        for agent, operation, key, kind, component, text, delta in _REPORTS
    ]
