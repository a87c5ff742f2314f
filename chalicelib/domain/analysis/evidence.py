"""What the judge is given: the windows of canary and control nodes, before the wave and since."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from chalicelib.domain.metrics import Window


class Direction(StrEnum):
    """Which way a user-declared metric gets worse."""

    INCREASE = "increase"
    DECREASE = "decrease"
    EITHER = "either"


class Source(StrEnum):
    """Where the samples of a user-declared metric come from."""

    HEARTBEAT = "heartbeat"
    PROMETHEUS = "prometheus"


class Missing(StrEnum):
    """What a missing sample of a user-declared metric means."""

    ZERO = "zero"
    NO_DATA = "noData"


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeEvidence:
    """One node's windows: `before` under the version it left, `during` since this wave's bake began.

    `earlier` are those between: of a canary node under the new version in the bakes before this one, of a control node
    over that same time. They let evidence grow over the waves; without them each wave is judged on its own.
    Windows may come in any order and merged as coarsely as the caller likes; the grain of the level tests is then as
    coarse. `name`: what people call it, where that is not its id. `silent`: three heartbeat intervals without a word. `failed`: it could not bring the version up.
    """

    node_id: str
    name: str = ""
    before: tuple[Window, ...] = ()
    during: tuple[Window, ...] = ()
    earlier: tuple[Window, ...] = ()
    silent: bool = False
    failed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredSeries:
    """Samples of one user-declared metric on both sides, in millionths of its unit.

    `None` stands for a sample that is missing or not a finite number; what it means is the policy's to say. `why`: the
    reason there are none, where the source knows it; then missing never means zero. `canary_nodes` and
    `baseline_nodes`: how many nodes the samples are of, where that is known; few nodes widen the threshold.
    """

    name: str
    canary: tuple[int | None, ...] = ()
    baseline: tuple[int | None, ...] = ()
    why: str = ""
    canary_nodes: int | None = None
    baseline_nodes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All there is to judge one wave by.

    `canary`: every node that runs the new version and is judged with this wave. `control`: nodes that kept the old
    version over the same time. `wave` counts from 0 of `waves`. `first_install`: nothing ran here before, so there is
    nothing to compare with. `looks`: verdicts already asked of `judge` for this wave (holds), not calls of `find_harm`.
    """

    canary: tuple[NodeEvidence, ...]
    control: tuple[NodeEvidence, ...] = ()
    wave: int = 0
    waves: int = 1
    first_install: bool = False
    looks: int = 0
    declared: tuple[DeclaredSeries, ...] = ()
