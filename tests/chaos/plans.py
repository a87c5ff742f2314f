"""Which faults are played: every kind of call with every mode, kills at every step, neighbours, pairs, and more by seed."""

from __future__ import annotations

import itertools
import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import cache

from tests.chaos.faults import KILLS, Fault, Mode, Place, drawn
from tests.chaos.scenarios import SCENARIOS
from tests.chaos.simulation import play

Plan = tuple[str, tuple[Fault, ...]]
"""A scenario's name, and what goes wrong in it."""

SEVERAL = 4
"""So many of each stand for calls that differ more than others do, and for what happens to few calls only."""
VARIED = frozenset({"table.commit", "step.AdvanceWave"})
RARE = frozenset({Mode.STALE, Mode.LATE, Mode.NODE_DIES, Mode.NODE_SLOW, Mode.NODE_LIES, Mode.NODE_MUTE})
STRATEGIES = {
    "Direct": ("direct", "direct-taken-back"),
    "Rolling": ("two-want-the-turn", "one-node-cannot-start-it", "cancelled"),
    "BlueGreen": ("blue-green-first-install", "blue-green-cancelled-after-the-switch"),
    "Canary": ("canary", "canary-does-harm", "canary-without-numbers"),
}
"""Each there and back: the scenarios in whose every step the function is killed."""
REDUCED = ("table.commit", "machine.answer", "machine.start", "bus.publish", "node.heartbeat", "step.AdvanceWave")
REDUCED_MODES = (Mode.ANSWER_LOST, Mode.LATE_AGAIN, Mode.PAUSED, Mode.KILLED_AFTER)
NEIGHBOURS = 12
"""The faults of a cascade lie at most this many calls apart."""


@cache
def places_of(name: str) -> tuple[Place, ...]:
    """The calls of an undisturbed run."""
    return tuple(play(SCENARIOS[name]).places)


def undisturbed() -> Iterator[Plan]:
    """Every scenario without a fault."""
    return ((name, ()) for name in SCENARIOS)


def every_kind(seed: int) -> list[Plan]:
    """Every kind of call with every mode once, in a scenario and at a call the seed chooses; commits several times."""
    chance = random.Random(seed)
    found: dict[tuple[str, Mode], list[tuple[str, Place]]] = defaultdict(list)
    for name in SCENARIOS:
        for place in places_of(name):
            for mode in place.modes:
                found[place.call, mode].append((name, place))
    plans = []
    for call, mode in sorted(found):
        here = found[call, mode]
        count = min(len(here), SEVERAL if call in VARIED or mode in RARE else 1)
        plans += [(name, (Fault(place.ordinal, mode),)) for name, place in chance.sample(here, count)]
    chance.shuffle(plans)
    return plans


def kills(names: Sequence[str]) -> Iterator[Plan]:
    """A kill before and after every step of these scenarios."""
    for name in names:
        for place in places_of(name):
            if place.call.startswith("step."):
                yield from ((name, (Fault(place.ordinal, mode),)) for mode in KILLS)


def kills_of_strategies() -> Iterator[Plan]:
    """A kill before and after every step of every strategy and of every way back."""
    return kills(tuple(itertools.chain(*STRATEGIES.values())))


def stragglers() -> Iterator[Plan]:
    """Every run of AdvanceWave once more, late: the machine waits with another token by then."""
    for name in SCENARIOS:
        for place in places_of(name):
            if place.call == "step.AdvanceWave":
                yield name, (Fault(place.ordinal, Mode.LATE_AGAIN),)


DISPUTED = ("approved-and-rejected", "cancelled")
"""People want opposite things in them, so that every write has a rival."""


def overtaken() -> Iterator[Plan]:
    """Others get on before every write where people disagree; the next deployment, before every run of Validate."""
    for name in SCENARIOS:
        for place in places_of(name):
            if place.call == "step.Validate":
                # Long enough for the next in the queue to take nodes further.
                yield name, (Fault(place.ordinal, Mode.THROTTLED),)
            elif place.call == "table.commit" and name in DISPUTED:
                yield name, (Fault(place.ordinal, Mode.PAUSED),)


def every_call(seed: int) -> list[Plan]:
    """Every call of every scenario with every mode, in an order by seed."""
    plans: list[Plan] = [
        (name, (Fault(place.ordinal, mode),)) for name in SCENARIOS for place in places_of(name) for mode in place.modes
    ]
    random.Random(seed).shuffle(plans)
    return plans


def pairs(seed: int) -> list[Plan]:
    """All pairs of a reduced set of calls and modes, in an order by seed."""
    plans: list[Plan] = []
    for name in SCENARIOS:
        first: dict[str, list[Place]] = defaultdict(list)
        for place in places_of(name):
            first[place.call].append(place)
        chosen = [place for call in REDUCED if call in first for place in (first[call][0], first[call][-1])]
        faults = [Fault(place.ordinal, mode) for place in chosen for mode in REDUCED_MODES]
        two = itertools.combinations(sorted(set(faults)), 2)
        plans += [(name, both) for both in two if both[0].ordinal != both[1].ordinal]
    random.Random(seed).shuffle(plans)
    return plans


def cascades(seed: int) -> Iterator[Plan]:
    """One trouble brings the next: a slow service, then a killed function, then what was done is done once more."""
    chance = random.Random(seed)
    names = list(SCENARIOS)
    while True:
        name = chance.choice(names)
        last = len(places_of(name))
        first = chance.randrange(1, max(2, last - 3 * NEIGHBOURS))
        second = first + chance.randrange(1, NEIGHBOURS)
        third = second + chance.randrange(1, NEIGHBOURS)
        slow = chance.choice((Mode.THROTTLED, Mode.TIMED_OUT, Mode.OUTAGE))
        again = chance.choice((Mode.TWICE, Mode.LATE_AGAIN))
        yield name, (Fault(first, slow), Fault(second, chance.choice(KILLS)), Fault(third, again))


def drawn_plans(seed: int) -> Iterator[Plan]:
    """Pairs and triples without end; plan number n of a seed is always the same."""
    chance = random.Random(seed)
    while True:
        name = chance.choice(list(SCENARIOS))
        yield name, drawn(chance.getrandbits(48), places=places_of(name), count=chance.choice((2, 3)))


DRAWN, CASCADES, PAIRS = 50, 30, 30


def bounded(seed: int) -> Iterator[Plan]:
    """The part that `make test` plays."""
    yield from undisturbed()
    yield from every_kind(seed)
    yield from kills_of_strategies()
    yield from stragglers()
    yield from overtaken()
    yield from pairs(seed)[:PAIRS]
    yield from itertools.islice(cascades(seed), CASCADES)
    yield from itertools.islice(drawn_plans(seed), DRAWN)


def singles(seed: int) -> Iterator[Plan]:
    """No fault at all, then every kind of call with every mode, then every call with every mode."""
    yield from undisturbed()
    yield from every_kind(seed)
    yield from kills_of_strategies()
    yield from every_call(seed)


def several(seed: int) -> Iterator[Plan]:
    """By turns a pair of the reduced set, a cascade, and a pair or triple of anything; without end."""
    mixed = itertools.zip_longest(pairs(seed), cascades(seed), drawn_plans(seed))
    return (plan for turn in mixed for plan in turn if plan is not None)
