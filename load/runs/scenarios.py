"""What each scenario sends, for how long, and what it must reach. The flows stand in load/artillery/."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

Phase = Mapping[str, object]


def steady(rate: float, seconds: int, name: str = "steady") -> Phase:
    """So many requests a second, whatever becomes of those before."""
    return {"name": name, "duration": seconds, "arrivalRate": rate}


def ramp(low: float, high: float, seconds: int, name: str) -> Phase:
    """From one rate to another."""
    return {"name": name, "duration": seconds, "arrivalRate": low, "rampTo": high}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """`limits` are upper bounds of the figures `load.runs.figures` makes; `measured_from_s` leaves a warm-up out.

    `modules`: how many there are to deploy. `rounds`: deployments at once, one number a round. `requests_each`: what one
    virtual user sends.
    """

    what: str
    script: str
    phases: tuple[Phase, ...]
    limits: Mapping[str, float] = field(default_factory=dict)
    modules: int = 50
    reporting_nodes: int = 25
    measured_from_s: int = 0
    rounds: tuple[int, ...] = ()
    limits_percent: int = 100
    requests_each: int = 1

    @property
    def seconds(self) -> int:
        return sum(int(str(phase["duration"])) for phase in self.phases)


NO_ERRORS = {"unintendedErrors": 0}
DESIGN = {"p95Ms": 100, "p99Ms": 250, **NO_ERRORS}
REQUIREMENTS = {"p50Ms": 200, "p95Ms": 500, "p99Ms": 1_000, "unintendedErrorsPercent": 0.5}
FLAT = {"memoryGrowthPercent": 10, "threadGrowth": 4, "handleGrowth": 8, "bytesPerDeploymentGrowthPercent": 10}
WARM_UP_S = 10


def sustained(minutes: float) -> Scenario:
    """The mix at 100 requests a second."""
    return Scenario(
        what=f"100 requests a second of the mix for {minutes:g} min",
        script="mix",
        phases=(ramp(10, 100, WARM_UP_S, "warm up"), steady(100, round(minutes * 60))),
        limits=DESIGN,
        measured_from_s=WARM_UP_S,
    )


def soak(minutes: float) -> Scenario:
    """Half of that, for long."""
    return Scenario(
        what=f"50 requests a second of the mix for {minutes:g} min: what grows?",
        script="mix",
        phases=(ramp(10, 50, WARM_UP_S, "warm up"), steady(50, round(minutes * 60))),
        limits={**NO_ERRORS, **FLAT},
        measured_from_s=WARM_UP_S,
    )


def spike(_minutes: float) -> Scenario:
    """Out of nothing, and back to what is normal."""
    return Scenario(
        what="20 requests a second, 500 from one second to the next for 20 s, then 20 again",
        script="mix",
        phases=(steady(20, 20, "before"), steady(500, 20, "spike"), steady(20, 40, "after")),
        limits={"unintendedErrorsPercent": 1, "recoverySeconds": 10},
    )


def stress(_minutes: float) -> Scenario:
    """Steps of 20 seconds until it breaks."""
    return Scenario(
        what="the mix in steps of 50 requests a second, 20 s each, from 50 to 500",
        script="mix",
        phases=tuple(steady(rate, 20, f"{rate}/s") for rate in range(50, 501, 50)),
    )


def requirements(_minutes: float) -> Scenario:
    """The requirements' own mix: each virtual user makes three requests, one of them a deployment."""
    return Scenario(
        what="users that each create, ask for a status and for metrics: 1 to 33 a second, 20 s each",
        script="requirements",
        phases=tuple(steady(rate, 20, f"{rate * 3}/s") for rate in (1, 2, 4, 8, 16, 33)),
        limits={},
        requests_each=3,
    )


def heartbeats(_minutes: float) -> Scenario:
    """What a fleet says when everything changes at once."""
    return Scenario(
        what="reports of 200 nodes: 50 to 400 a second, 20 s each",
        script="heartbeats",
        phases=tuple(steady(rate, 20, f"{rate}/s") for rate in (50, 100, 200, 400)),
        reporting_nodes=200,
        modules=1,
        # All of them enrol within a few seconds, which the usual limit of one address takes for guessing.
        limits_percent=300,
    )


def logins(_minutes: float) -> Scenario:
    """Within the limit of 120 a minute from one address, then above it."""
    return Scenario(
        what="logins: 1 a second for 40 s, then 10 a second for 20 s, which the limit refuses in part",
        script="logins",
        phases=(steady(1, 40, "allowed"), steady(10, 20, "too many")),
        limits=NO_ERRORS,
        modules=1,
        reporting_nodes=1,
    )


def concurrent(_minutes: float) -> Scenario:
    """Many deployments at once, followed to their ends."""
    rounds = (20, 50, 100, 200)
    return Scenario(
        what="20, 50, 100 and 200 modules deployed in the same second, each round to the last end",
        script="at-once",
        phases=(),
        limits={**NO_ERRORS, "lost": 0, "doubled": 0, "notCompleted": 0},
        modules=max(rounds),
        reporting_nodes=1,
        rounds=rounds,
    )


SCENARIOS = {
    "sustained": (sustained, 10.0),
    "spike": (spike, 0.0),
    "soak": (soak, 60.0),
    "stress": (stress, 0.0),
    "requirements": (requirements, 0.0),
    "heartbeats": (heartbeats, 0.0),
    "logins": (logins, 0.0),
    "concurrent": (concurrent, 0.0),
}
"""By name: how it is made, and its usual minutes where these can be chosen."""

ALL_MINUTES = {"sustained": 10.0, "soak": 5.0}
"""What `all` takes instead of the usual minutes: its own length is bounded."""


def scenario_of(name: str, minutes: float | None = None) -> Scenario:
    """A scenario, for its usual time or another."""
    make, usual = SCENARIOS[name]
    return make(usual if minutes is None else minutes)
