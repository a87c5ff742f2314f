"""What people want of the simulated installation while faults happen, and how each of it may end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from chalicelib.domain.access import Caller, Role
from chalicelib.domain.analysis.policy import AnalysisPolicy
from chalicelib.domain.deployment import Deployment, Status
from chalicelib.domain.environment import Environment
from chalicelib.domain.policy import ApprovalPolicy
from chalicelib.domain.rollout import Phase
from chalicelib.domain.strategies import Step, Strategy, StrategySpec
from tests.usecases.scene import Scene, runs_already

DANA = Caller(name="dana", roles=frozenset({Role.DEPLOYER}))
CLEO = Caller(name="cleo", roles=frozenset({Role.DEPLOYER}))
ERIN = Caller(name="erin", roles=frozenset({Role.APPROVER}))
WHERE = Environment.DEVELOPMENT
ONE_BY_ONE = StrategySpec(kind=Strategy.ROLLING, batch=1, bake_seconds=5)
BLUE_GREEN = StrategySpec(kind=Strategy.BLUE_GREEN, bake_seconds=5)
CANARY = StrategySpec(kind=Strategy.CANARY, bake_seconds=60, steps=(Step(percent=34, bake_seconds=60),))


@dataclass(frozen=True, kw_only=True)
class Wish:
    """`caller` wants `version`, from round `since` on, and says so again with the same key until it is answered."""

    caller: Caller
    version: str
    since: int = 0
    ends: frozenset[Status] = frozenset({Status.COMPLETED})

    @property
    def key(self) -> str:
        """Its Idempotency-Key."""
        return f"{self.caller.name}-{self.version}"


Signal = Callable[[Deployment], bool]
"""When somebody gives a signal: as soon as this is so."""


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """An installation of `nodes` nodes that `prepare` made ready, and what people want of it."""

    name: str
    wishes: tuple[Wish, ...]
    nodes: int = 2
    prepare: Callable[[Scene], None]
    cancel: Signal | None = None
    roll_back: Signal | None = None


def _approved(scene: Scene) -> None:
    scene.set_policy(strategy=ONE_BY_ONE, approval=ApprovalPolicy(required=True))
    runs_already(scene)


def _first_install(scene: Scene) -> None:
    scene.set_policy(strategy=BLUE_GREEN)


def _one_by_one(scene: Scene) -> None:
    scene.set_policy(strategy=ONE_BY_ONE)
    runs_already(scene)


def _one_cannot_start_it(scene: Scene) -> None:
    _one_by_one(scene)
    scene.nodes[1].cannot_start = {scene.digests["2.0.0"]}


def _does_harm(scene: Scene) -> None:
    scene.set_policy(strategy=CANARY, analysis=AnalysisPolicy())
    runs_already(scene)
    for node in scene.nodes:
        node.requests = 1_000
        node.errors = {scene.digests["2.0.0"]: 300}
    scene.beat_for(60)


def _bakes_first_wave(deployment: Deployment) -> bool:
    current = deployment.current
    return current is not None and current.phase is Phase.BAKING and current.wave == 0


def _completed(deployment: Deployment) -> bool:
    return deployment.status is Status.COMPLETED


SCENARIOS: dict[str, Scenario] = {
    scenario.name: scenario
    for scenario in (
        Scenario(
            name="two-want-the-turn",
            wishes=(Wish(caller=DANA, version="2.0.0"), Wish(caller=CLEO, version="3.0.0", since=1)),
            prepare=_approved,
        ),
        Scenario(name="blue-green-first-install", wishes=(Wish(caller=DANA, version="2.0.0"),), prepare=_first_install),
        Scenario(
            name="one-node-cannot-start-it",
            wishes=(Wish(caller=DANA, version="2.0.0", ends=frozenset({Status.ROLLED_BACK})),),
            prepare=_one_cannot_start_it,
        ),
        Scenario(
            name="canary-does-harm",
            wishes=(Wish(caller=DANA, version="2.0.0", ends=frozenset({Status.ROLLED_BACK})),),
            nodes=3,
            prepare=_does_harm,
        ),
        Scenario(
            name="cancelled",
            wishes=(Wish(caller=DANA, version="2.0.0", ends=frozenset({Status.CANCELLED, Status.COMPLETED})),),
            prepare=_one_by_one,
            cancel=_bakes_first_wave,
        ),
        Scenario(
            name="rolled-back-later",
            wishes=(Wish(caller=DANA, version="2.0.0"),),
            prepare=_one_by_one,
            roll_back=_completed,
        ),
    )
}
