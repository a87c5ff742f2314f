"""Who acts in the simulated world, faults included: the clock, the state machine's functions, the nodes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from chalicelib.domain.errors import DomainError, Unavailable
from chalicelib.domain.metering import Measured
from chalicelib.usecases.ports import Ports
from chalicelib.usecases.report_heartbeat import Heartbeat, HeartbeatAnswer, report_heartbeat
from tests.chaos.faults import LASTS_S, Mode
from tests.chaos.history import Effect, History
from tests.chaos.injector import Injector, Killed
from tests.fakes import FakeClock
from tests.usecases.driver import Driver, Run
from tests.usecases.scene import ANode

RuntimeExit = type("Runtime.ExitError", (DomainError,), {})
"""What Step Functions calls a function whose process was gone; the name is what counts."""

RETRY_PAUSES_S = (1, 2, 4, 8, 16)
"""Those of the state machine's file, without the jitter."""
ONE_OF = 4


class FaultyClock:
    """The clock of the program: the true one, and how far it is wrong now."""

    def __init__(self, true: FakeClock) -> None:
        self._true = true
        self._wrong_ms = 0

    def machine_ms(self) -> int:
        return self._true.machine_ms() + self._wrong_ms

    def policy_ms(self) -> int:
        return self._true.policy_ms() + self._wrong_ms

    def skewed(self, ms: int, proceed: Callable[[], Any]) -> Any:
        """What `proceed` gives, made by somebody whose clock is wrong."""
        self._wrong_ms += ms
        try:
            return proceed()
        finally:
            self._wrong_ms -= ms

    def jump(self, ms: int) -> None:
        """For everybody, from now on."""
        self._wrong_ms += ms


class FaultyDriver(Driver):
    """The state machine, whose functions may be run twice, late or not to their end; it pauses between attempts.

    Its own clock is the true one: nothing here happens to Step Functions.
    """

    injector: Injector

    def __init__(self, clock: FakeClock) -> None:
        super().__init__(clock)
        self._not_before_ms: dict[str, int] = {}

    def invoke(self, event: Mapping[str, Any], ports: Ports) -> dict[str, Any]:
        once = super().invoke
        execution = _Execution(self, event["execution"])
        try:
            answer: dict[str, Any] = self.injector.through(
                f"step.{event['state']}", lambda: once(event, ports), subject=execution
            )
        except Killed as gone:
            raise RuntimeExit(f"The process was gone at {gone}.") from None
        return answer

    def _ready(self) -> Iterator[Run]:
        now = self.clock.machine_ms()
        return (run for run in super()._ready() if self._not_before_ms.get(run.name, 0) <= now)

    def _failed(self, run: Run, error: DomainError) -> None:
        before = run.attempts
        super()._failed(run, error)
        if run.attempts > before:
            self._not_before_ms[run.name] = self.clock.machine_ms() + RETRY_PAUSES_S[before] * 1000


@dataclass(frozen=True)
class _Execution:
    driver: Driver
    name: str

    def meets(self, _mode: Mode) -> None:
        self.driver.lost.add(self.name)


@dataclass(kw_only=True)
class FaultyNode(ANode):
    """A node whose reports may be lost, doubled or late, and which may be ill; what it really runs is recorded."""

    injector: Injector
    history: History
    clock: FakeClock
    ill: Mode | None = None
    well_at_ms: int = 0
    beats: int = 0

    @property
    def is_well(self) -> bool:
        return self.ill is None or self.clock.machine_ms() >= self.well_at_ms

    def meets(self, mode: Mode) -> None:
        self.ill = mode
        self.well_at_ms = self.clock.machine_ms() + LASTS_S[mode] * 1000

    def beat(self) -> None:
        self.beats += 1
        if self._has(Mode.NODE_DIES) or (self._has(Mode.NODE_SLOW) and self.beats % ONE_OF):
            return
        super().beat()

    def report(self) -> HeartbeatAnswer:
        now, asked = self.ports.clock.machine_ms(), self.beats
        heartbeat = Heartbeat(
            interval=self.interval, kernel_version="test", modules=(self.says(),), windows=self._windows(now)
        )
        try:
            answer: HeartbeatAnswer = self.injector.through(
                "node.heartbeat",
                lambda: report_heartbeat(self.id, "h" * 64, heartbeat, ports=self.ports),
                subject=self,
            )
        except Killed:
            raise Unavailable("No answer came.") from None
        if self.beats != asked:
            # Waited for too long: the node has reported anew since, and does not hear the old answer any more.
            raise Unavailable("The answer came too late.")
        self.at_ms = now
        return answer

    def _has(self, mode: Mode) -> bool:
        return self.ill is mode and not self.is_well

    def _windows(self, now: int) -> tuple[Measured, ...]:
        if self._has(Mode.NODE_MUTE):
            return ()
        told = super()._windows(now)
        return tuple(_turned_round(each) for each in told) if self._has(Mode.NODE_LIES) else told

    def _obeys(self, answer: HeartbeatAnswer) -> bool:
        before = self.active
        changed = super()._obeys(answer)
        if self.active != before:
            at = self.history.tick()
            self.history.effects.append(Effect(at=at, node=self.name, fence=self.fence, digest=self.active))
        return changed


def _turned_round(measured: Measured) -> Measured:
    window = measured.window
    lied = replace(window, errors=0 if window.errors else window.requests // 2)
    return replace(measured, window=lied)
