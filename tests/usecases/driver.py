"""The state machine in memory: it reads the real machine file and calls the real steps, one state at a time.

A Driver is the Executions port as well. It knows what the file uses: tasks, task tokens with time-outs, Retry, Catch,
Choice and ends. Nothing happens by itself: `settle` runs everything that can run now, `time_out` what is overdue.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chalicelib.domain.errors import DomainError
from chalicelib.steps import machine
from chalicelib.usecases.ports import Ports
from tests.fakes import FakeClock

FILE = Path(__file__).parents[2] / "infra" / "statemachines" / "deployment.asl.json"
MACHINE: dict[str, Any] = json.loads(FILE.read_text())
STATES: dict[str, dict[str, Any]] = MACHINE["States"]
MOST_STEPS = 1_000


@dataclass(kw_only=True)
class Run:
    """One execution: the state it is in, that state's input, and the token it waits with, if it waits.

    `states` are those of the machine file it was started with: an update of the file is for later executions.
    """

    name: str
    state: str
    data: dict[str, Any]
    token: str | None = None
    due_ms: int = 0
    attempts: int = 0
    tokens: int = 0
    passed: list[str] = field(default_factory=list)
    states: dict[str, dict[str, Any]] = field(default_factory=lambda: STATES, repr=False)

    @property
    def has_ended(self) -> bool:
        return self.states[self.state]["Type"] in ("Succeed", "Fail")


class Driver:
    """Every execution there is. `lost` holds the names of those that stop without a word."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.runs: dict[str, Run] = {}
        self.lost: set[str] = set()
        self.refusals: list[tuple[str, str]] = []

    def start(self, name: str, deployment_id: str, correlation_id: str) -> None:
        given = {"deploymentId": deployment_id, "correlationId": correlation_id}
        self.runs.setdefault(name, Run(name=name, state=MACHINE["StartAt"], data=given))

    def is_running(self, name: str) -> bool:
        return name in self.runs and name not in self.lost and not self.runs[name].has_ended

    def is_waiting(self, token: str) -> bool:
        return self._waiting(token) is not None

    def answer(self, token: str, output: Mapping[str, Any]) -> bool:
        run = self._waiting(token)
        if run is not None:
            self._go(run, run.states[run.state]["Next"], dict(output))
        return run is not None

    def refuse(self, token: str, *, error: str, cause: str) -> bool:
        run = self._waiting(token)
        if run is not None:
            self.refusals.append((error, cause))
            self._caught(run, error, cause)
        return run is not None

    def settle(self, *, ports: Ports) -> None:
        """Run every execution until it waits or has ended."""
        for _ in range(MOST_STEPS):
            run = next(self._ready(), None)
            if run is None:
                return
            self._step(run, ports)
        raise AssertionError(f"still busy after {MOST_STEPS} states: {[run.passed[-9:] for run in self.runs.values()]}")

    def time_out(self) -> None:
        """Fail every wait whose time is up."""
        now = self.clock.machine_ms()
        for run in list(self.runs.values()):
            if run.token is not None and run.due_ms <= now and self.is_running(run.name):
                self._caught(run, "States.Timeout", "")

    def invoke(self, event: Mapping[str, Any], ports: Ports) -> dict[str, Any]:
        """Run the function behind a task."""
        return machine.handle(event, ports=ports)

    def _ready(self) -> Iterator[Run]:
        return (run for run in self.runs.values() if run.token is None and self.is_running(run.name))

    def _step(self, run: Run, ports: Ports) -> None:
        state = run.states[run.state]
        if state["Type"] == "Choice":
            self._go(run, _chosen(state, run.data), run.data)
            return
        event: dict[str, Any] = {"state": run.state, "execution": run.name, "input": run.data}
        waits = state["Resource"].endswith("waitForTaskToken")
        if waits:
            run.tokens += 1
            event["token"] = run.token = f"{run.name}#{run.tokens}"
            run.due_ms = self.clock.machine_ms() + 1000 * _seconds(state, run.data)
        try:
            output = self.invoke(event, ports)
        except DomainError as error:
            if run.token == event.get("token"):
                self._failed(run, error)
            return
        if not waits:
            self._go(run, state["Next"], output)

    def _failed(self, run: Run, error: DomainError) -> None:
        name = type(error).__name__
        retried = any(name in rule["ErrorEquals"] for rule in run.states[run.state]["Retry"])
        if retried and run.attempts < run.states[run.state]["Retry"][0]["MaxAttempts"]:
            run.attempts += 1
            run.token = None
            return
        self._caught(run, name, str(error))

    def _caught(self, run: Run, error: str, cause: str) -> None:
        for rule in run.states[run.state]["Catch"]:
            if error in rule["ErrorEquals"] or "States.ALL" in rule["ErrorEquals"]:
                key = rule["ResultPath"].removeprefix("$.")
                self._go(run, rule["Next"], {**run.data, key: {"Error": error, "Cause": cause}})
                return
        raise AssertionError(f"{run.state} does not catch {error}")

    def _go(self, run: Run, state: str, data: dict[str, Any]) -> None:
        run.passed.append(run.state)
        run.state, run.data, run.token, run.attempts = state, data, None, 0

    def _waiting(self, token: str) -> Run | None:
        found = (run for run in self.runs.values() if run.token == token and self.is_running(run.name))
        return next(found, None)


def _chosen(state: dict[str, Any], data: dict[str, Any]) -> str:
    for rule in state["Choices"]:
        if data.get(rule["Variable"].removeprefix("$.")) == rule["StringEquals"]:
            return str(rule["Next"])
    return str(state["Default"])


def _seconds(state: dict[str, Any], data: dict[str, Any]) -> int:
    path = state.get("TimeoutSecondsPath")
    return int(state["TimeoutSeconds"] if path is None else data[path.removeprefix("$.")])
