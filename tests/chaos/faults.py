"""What may go wrong, at which kind of call, for how long, and how soon after it all has to be well again."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Mode(StrEnum):
    """What may happen at one call. Durations are in virtual time."""

    REFUSED = "refused"
    """An error, and nothing was done."""
    ANSWER_LOST = "answer-lost"
    """It was done, and an error came back."""
    TIMED_OUT = "timed-out"
    """It was done, and its caller stood waiting while others got on, before an error came back."""
    THROTTLED = "throttled"
    """For twenty seconds calls of this kind are turned away."""
    OUTAGE = "outage"
    """For a minute the whole service (table, state machine, bus) turns everything away."""
    TWICE = "twice"
    """It is done twice; the caller gets the first answer."""
    LATE = "late"
    """It is taken, and done much later, behind what came after it."""
    LATE_AGAIN = "late-again"
    """It is done, and done once more much later, when others have got on."""
    PAUSED = "paused"
    """The caller stands still before it; meanwhile time passes, nodes report and the sweep runs."""
    KILLED_BEFORE = "killed-before"
    """The process is gone before the call."""
    KILLED_AFTER = "killed-after"
    """The process is gone after the call, without a word to anybody."""
    STALE = "stale"
    """A list answers what it knew earlier, as an index may."""
    POISON = "poison"
    """Beside this event comes one that nobody can read."""
    EXECUTION_LOST = "execution-lost"
    """After this step its execution is gone, as if somebody had stopped it by hand."""
    NODE_DIES = "node-dies"
    """The node is dead for a while, and comes back with what it had."""
    NODE_SLOW = "node-slow"
    """For a while only every fourth report of the node comes through."""
    NODE_LIES = "node-lies"
    """For a while the node reports errors where there are none, and none where there are."""
    NODE_MUTE = "node-mute"
    """For a while the node measures nothing."""
    CLOCK_AHEAD = "clock-ahead"
    """The clock of this caller is five minutes fast."""
    CLOCK_BEHIND = "clock-behind"
    """The clock of this caller is five minutes slow."""
    JUMP_FORWARD = "jump-forward"
    """From here on every clock of the program is ten minutes further."""
    JUMP_BACK = "jump-back"
    """From here on every clock of the program is two minutes back."""


LASTS_S: dict[Mode, int] = {
    Mode.THROTTLED: 20,
    Mode.OUTAGE: 60,
    Mode.TIMED_OUT: 40,
    Mode.PAUSED: 40,
    Mode.LATE: 30,
    Mode.NODE_DIES: 120,
    Mode.NODE_SLOW: 120,
    Mode.NODE_LIES: 120,
    Mode.NODE_MUTE: 120,
}
"""How long a fault goes on after it fired; the others are over at once."""

SKEW_MS = 300_000
FORWARD_MS = 600_000
BACK_MS = -120_000

TWO_SWEEPS_S = 120
OBJECTIVE_S: dict[Mode, int] = dict.fromkeys(Mode, TWO_SWEEPS_S) | {
    Mode.CLOCK_AHEAD: TWO_SWEEPS_S + SKEW_MS // 1000,
    Mode.CLOCK_BEHIND: TWO_SWEEPS_S + SKEW_MS // 1000,
    Mode.JUMP_BACK: TWO_SWEEPS_S - BACK_MS // 1000,
}
"""By when all is well again: after the fault is over, and compared with the undisturbed run.

Whoever's clock is wrong sets times that are: those waits are longer by as much.
"""

CALLS = (
    Mode.REFUSED,
    Mode.ANSWER_LOST,
    Mode.TIMED_OUT,
    Mode.THROTTLED,
    Mode.TWICE,
    Mode.LATE_AGAIN,
    Mode.PAUSED,
    Mode.KILLED_BEFORE,
    Mode.KILLED_AFTER,
)
"""What may happen to any call."""
KILLS = (Mode.KILLED_BEFORE, Mode.KILLED_AFTER)
CLOCKS = frozenset({Mode.CLOCK_AHEAD, Mode.CLOCK_BEHIND, Mode.JUMP_FORWARD, Mode.JUMP_BACK})

_HARMLESS = frozenset({*CALLS, Mode.LATE, Mode.STALE, Mode.POISON, Mode.EXECUTION_LOST})
_HEARING = frozenset({"table", "metrics", "node"})

_SKEWED = (Mode.CLOCK_AHEAD, Mode.CLOCK_BEHIND)
_MORE: dict[str, tuple[Mode, ...]] = {
    "table": (Mode.OUTAGE,),
    "machine": (Mode.OUTAGE,),
    "bus": (Mode.OUTAGE, Mode.LATE),
    "calls": (Mode.OUTAGE, Mode.LATE),
    "step": (*_SKEWED, Mode.JUMP_FORWARD, Mode.JUMP_BACK, Mode.EXECUTION_LOST),
    "api": _SKEWED,
    "sweep": (*_SKEWED, Mode.JUMP_FORWARD, Mode.JUMP_BACK),
    "deliver": (Mode.LATE, Mode.POISON, *_SKEWED),
    "node": (Mode.NODE_DIES, Mode.NODE_SLOW, Mode.NODE_LIES, Mode.NODE_MUTE, *_SKEWED),
}


LAGS = "table.page"
"""The one call that may answer what was true earlier."""


def port_of(call: str) -> str:
    """`table` of `table.commit`."""
    return call.partition(".")[0]


def keeps_the_end(mode: Mode, call: str) -> bool:
    """Whether this fault alone changes nothing about how a deployment ends.

    Not so where nodes or clocks are ill, a service is away, or no report is taken for longer than the ten seconds after
    which a node counts as silent: what cannot be judged is not promoted.
    """
    return mode in _HARMLESS and not (mode is Mode.THROTTLED and port_of(call) in _HEARING)


def modes_of(call: str, *, lags: bool = False) -> tuple[Mode, ...]:
    """What may happen at a call; `lags`: it is a list that had something to say, and may say what it knew earlier."""
    return (*CALLS, *_MORE.get(port_of(call), ()), *((Mode.STALE,) if lags else ()))


@dataclass(frozen=True, order=True)
class Fault:
    """`mode` happens at the call with this number."""

    ordinal: int
    mode: Mode

    def __str__(self) -> str:
        return f"{self.ordinal}:{self.mode}"

    @classmethod
    def parse(cls, text: str) -> Fault:
        """What `str` gave."""
        ordinal, _, mode = text.partition(":")
        return cls(int(ordinal), Mode(mode))


@dataclass(frozen=True, kw_only=True)
class Place:
    """A call of an undisturbed run."""

    ordinal: int
    call: str
    lags: bool = False

    @property
    def modes(self) -> tuple[Mode, ...]:
        """What may happen at it."""
        return modes_of(self.call, lags=self.lags)


def drawn(seed: int, *, places: Sequence[Place], count: int) -> tuple[Fault, ...]:
    """`count` different faults at these places; the same seed draws the same."""
    chance = random.Random(seed)
    chosen = sorted(chance.sample(range(len(places)), count))
    return tuple(Fault(places[n].ordinal, chance.choice(places[n].modes)) for n in chosen)
