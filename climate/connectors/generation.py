"""The one place where generation by source becomes intensity and shares.

Sources say how much was generated of what, by codes of their own. Each code is given a *kind*: a
source that has a lifecycle factor ("gas"), or a word for what has none ("pumped storage", "other",
"imports"). What has no factor is left out, the rest stands for the whole, and the flag names what
is missing with its share. Storage is left out because what it gives back was generated before.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from climate.connectors.contract import Place
from climate.connectors.night import Series, with_nights
from climate.domain.carbon import intensity_of_mix
from climate.domain.collected import Collected, CollectedReading
from climate.domain.factors import CARBON_FREE_SOURCES, LIFECYCLE_G_PER_KWH, RENEWABLE_SOURCES
from climate.domain.signal import Scope

LEAST_KNOWN_SHARE = 0.5
"""Of the mix; with less the weighted mean says little about the whole."""
CONTEXT = timedelta(days=1)
"""Asked for besides what is wanted, so that what is usually reported is known."""
GONE_AFTER = timedelta(days=1)
"""Of silence of a large type; hours without it are then better than none, and say so."""
NO_LONGER = "no longer reported: "
LONGEST_SILENCE = timedelta(hours=3)
"""A type that has said nothing for so long no longer holds the others back, if it is small."""
SMALL_SHARE = 0.05
UNKNOWN = "unknown"
SOLAR_GUESSED = "not reported: solar, taken as 0 by low sun or by the days around"


class TooLittleKnown(Exception):
    """Less than half of a mix has a factor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mix:
    """Lifecycle intensity in g CO2e/kWh and shares 0..1 of the part of a mix that has factors."""

    intensity_g_per_kwh: float
    renewable_share: float
    carbon_free_share: float
    flag: str


def mix_of(amounts: Mapping[str, float], kinds: Mapping[str, str]) -> Mix:
    """What generation by code amounts to. Negative amounts (a plant's own use, storage filling) count as none.

    A code that `kinds` does not have is called unknown. Raises TooLittleKnown.
    """
    by_kind: dict[str, float] = defaultdict(float)
    for code, amount in amounts.items():
        by_kind[_name(code, kinds)] += max(amount, 0.0)
    total = sum(by_kind.values())
    known = sum(amount for kind, amount in by_kind.items() if kind in LIFECYCLE_G_PER_KWH)
    if total <= 0 or known < LEAST_KNOWN_SHARE * total:
        share = known / total if total > 0 else 0.0
        raise TooLittleKnown(f"only {share * 100:.0f} % of the mix is of known sources")
    shares = {kind: amount / known for kind, amount in by_kind.items() if kind in LIFECYCLE_G_PER_KWH}
    return Mix(
        intensity_g_per_kwh=intensity_of_mix(shares),
        renewable_share=sum(share for kind, share in shares.items() if kind in RENEWABLE_SOURCES),
        carbon_free_share=sum(share for kind, share in shares.items() if kind in CARBON_FREE_SOURCES),
        flag=_left_out(by_kind, total),
    )


def _left_out(by_kind: Mapping[str, float], total: float) -> str:
    """`not counted: imports 6.5 %, other 0.3 % of the mix`, largest first; empty where everything is counted."""
    parts = {kind: amount / total for kind, amount in by_kind.items() if kind not in LIFECYCLE_G_PER_KWH and amount > 0}
    if not parts:
        return ""
    largest_first = sorted(parts.items(), key=lambda part: (-part[1], part[0]))
    return f"not counted: {', '.join(f'{kind} {share * 100:.1f} %' for kind, share in largest_first)} of the mix"


def readings_of(
    zone: str,
    series: Series,
    kinds: Mapping[str, str],
    *,
    period_minutes: int,
    since: datetime,
    until: datetime,
    place: Place | None = None,
    last_flag: str = "",
) -> Collected:
    """A lifecycle reading of every complete period that began at `since` or later and was over at `until`.

    A period is complete when every type that reports at all is in it; `series` reaches back further than
    `since`, so that this is known. The newest periods often are not: they are left for the next asking.
    A small type holds nothing back once it has been silent for three hours; readings without it say so.
    A large one does for a day, and is a problem in words. Then readings without it say so, and those
    after them too: `last_flag` is the flag of the newest reading there is. Solar power that is not
    reported at night is 0.
    """
    period = timedelta(minutes=period_minutes)
    times = sorted({at for amounts in series.values() for at in amounts if at + period <= until})
    lit = with_nights(series, kinds, times, place, period)
    silence = _silence(lit.series, series, times, {_name(code, kinds) for code in series}, last_flag)
    readings, unknown = [], ""
    for at in times:
        amounts = {code: each[at] for code, each in lit.series.items() if at in each}
        missing = silence.codes - amounts.keys()
        if at < since or not missing <= silence.bearable(at):
            continue
        try:
            mix = mix_of(amounts, kinds)
        except TooLittleKnown as error:
            unknown = f"{zone} {at:%Y-%m-%d %H:%M}: {error}"
            continue
        words = [mix.flag, *_absent(missing, silence, kinds), SOLAR_GUESSED if at in lit.guessed else ""]
        readings.append(_reading(zone, at, period_minutes, mix, words))
    lost = {_name(code, kinds) for code in silence.late - silence.small} | silence.forgotten
    problems = [f"{zone}: {name} is no longer reported" for name in sorted(lost)]
    # The newest stands for all: two weeks of them would bury every other problem.
    return Collected(readings=tuple(readings), problems=tuple(filter(None, [*problems, unknown])))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Silence:
    """Which codes report at all, and which have fallen silent, at the newest time."""

    codes: frozenset[str]
    small: frozenset[str]
    late: frozenset[str]
    gone: frozenset[str]
    forgotten: frozenset[str]
    """Kinds that were gone before, and are not in the series at all."""
    patience_ends: datetime

    def bearable(self, at: datetime) -> frozenset[str]:
        """Codes without which a period is used."""
        return self.gone | (self.small if at < self.patience_ends else self.small & self.late)


def _silence(lit: Series, said: Series, times: Sequence[datetime], reported: Set[str], last_flag: str) -> _Silence:
    newest = times[-1] if times else datetime.max.replace(tzinfo=UTC)
    codes = frozenset(code for code, amounts in said.items() if amounts)
    quiet = {code for code in codes if max(said[code]) < newest - GONE_AFTER}
    gone = frozenset(code for code in quiet if any(at > max(said[code]) and at not in lit[code] for at in times))
    return _Silence(
        codes=codes,
        small=frozenset(_small(lit)),
        late=gone | {code for code in codes if max(lit[code]) < newest - LONGEST_SILENCE},
        gone=gone,
        forgotten=_gone_by(last_flag) - reported,
        patience_ends=newest - LONGEST_SILENCE,
    )


def _absent(missing: Set[str], silence: _Silence, kinds: Mapping[str, str]) -> Iterator[str]:
    """In words, what a period lacks: what may come back soon, and what is no longer reported."""
    gone = {_name(code, kinds) for code in missing & silence.gone} | silence.forgotten
    quiet = {_name(code, kinds) for code in missing} - gone
    for words, names in (("not reported: ", quiet), (NO_LONGER, gone)):
        if names:
            yield words + ", ".join(sorted(names))


def _gone_by(flag: str) -> frozenset[str]:
    """The kinds that a reading's flag calls no longer reported."""
    named = [part.removeprefix(NO_LONGER).split(", ") for part in flag.split("; ") if part.startswith(NO_LONGER)]
    return frozenset(kind for kinds in named for kind in kinds)


def _name(code: str, kinds: Mapping[str, str]) -> str:
    return kinds.get(code, UNKNOWN)


def _small(series: Series) -> set[str]:
    """Codes that are never more than a small share of what is generated."""
    totals: dict[datetime, float] = defaultdict(float)
    for amounts in series.values():
        for at, amount in amounts.items():
            totals[at] += max(amount, 0.0)
    return {
        code
        for code, amounts in series.items()
        if all(amount <= SMALL_SHARE * totals[at] for at, amount in amounts.items())
    }


def _reading(zone: str, at: datetime, period_minutes: int, mix: Mix, words: Sequence[str]) -> CollectedReading:
    return CollectedReading(
        zone=zone,
        starts_at=at,
        period_minutes=period_minutes,
        intensity_g_per_kwh=mix.intensity_g_per_kwh,
        scope=Scope.LIFECYCLE,
        renewable_share=mix.renewable_share,
        carbon_free_share=mix.carbon_free_share,
        flag="; ".join(filter(None, words)),
    )
