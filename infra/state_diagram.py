"""docs/state-machine.md: the state machine as a picture and a table, from its file: `python -m infra.state_diagram`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from chalicelib.domain.deployment import TRANSITIONS, Status
from infra.generated import write_or_check

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "infra" / "statemachines" / "deployment.asl.json"
FILE = ROOT / "docs" / "state-machine.md"

INTRODUCTION = """# The state machine

Made from `infra/statemachines/deployment.asl.json` by `make openapi`; `make check` fails when it is stale. Every Task calls the function `steps` with the state's name (`chalicelib/steps/machine.py`).
How it flows and why is told in [architecture.md](architecture.md#one-deployment).
"""
AFTER_PICTURE = """
The picture leaves out what is the same everywhere: any error leads to `RestoreNodes`, a deployment that has ended to `FinishDeployment`, another execution that took over to `ExecutionReplaced`, and a state whose time is up is entered anew and reads the table again.
"""
STATUSES = """## Status of a deployment

What callers see is the deployment's status in the table, and not where the machine stands. This is `TRANSITIONS` in `chalicelib/domain/deployment.py`; nothing else may follow.

| status | may become |
|---|---|"""
# Where these errors lead is said once, in a sentence.
EVERYWHERE = frozenset({"States.ALL", "DeploymentEnded", "ExecutionReplaced"})


def page() -> str:
    """The page's text as it must be."""
    machine = json.loads(SOURCE.read_text(encoding="utf-8"))
    states = machine["States"]
    return "\n".join(
        [
            INTRODUCTION,
            "```mermaid",
            "stateDiagram-v2",
            f"    [*] --> {machine['StartAt']}",
            *(f"    {line}" for name, state in states.items() for line in _arrows(name, state)),
            "```",
            AFTER_PICTURE,
            "| state | kind | what it does | waits at most | on errors, besides |",
            "|---|---|---|---|---|",
            *(_row(name, state) for name, state in states.items()),
            "",
            STATUSES,
            *(f"| `{status}` | {_followers(status)} |" for status in Status),
            "",
        ]
    )


def _followers(status: Status) -> str:
    return ", ".join(f"`{after}`" for after in Status if after in TRANSITIONS[status]) or "it is an end"


def _arrows(name: str, state: Mapping[str, Any]) -> Iterator[str]:
    if state["Type"] == "Choice":
        yield f"state {name} <<choice>>"
    for target, why in _targets(state):
        if target == name:
            continue
        yield f"{name} --> {target}" + (f": {why}" if why else "")
    if state["Type"] in ("Succeed", "Fail"):
        yield f"{name} --> [*]"


def _targets(state: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if "Next" in state:
        yield state["Next"], ""
    for choice in state.get("Choices", []):
        yield choice["Next"], _condition(choice)
    if "Default" in state:
        yield state["Default"], "otherwise" if state.get("Choices") else ""
    for catch in state.get("Catch", []):
        named = [error for error in catch["ErrorEquals"] if error not in EVERYWHERE]
        if named:
            yield catch["Next"], " or ".join(error.removeprefix("States.") for error in named)


def _condition(choice: Mapping[str, Any]) -> str:
    if "Variable" in choice:
        said = next(value for key, value in choice.items() if key not in ("Variable", "Next", "Comment"))
        return {True: "yes", False: "no"}.get(said, str(said)) if isinstance(said, bool) else str(said)
    return str(choice.get("Comment", "where it says so"))


def _row(name: str, state: Mapping[str, Any]) -> str:
    kind = state["Type"]
    if kind == "Task" and state["Resource"].endswith(".waitForTaskToken"):
        kind = "Task, waits for its token"
    limit = state.get("TimeoutSeconds", state.get("TimeoutSecondsPath", ""))
    caught = "; ".join(
        f"{', '.join(catch['ErrorEquals'])} → `{catch['Next']}`"
        for catch in state.get("Catch", [])
        if not EVERYWHERE.issuperset(catch["ErrorEquals"])
    )
    waits = f"{limit:,} s" if isinstance(limit, int) else f"`{limit}`" if limit else ""
    return f"| `{name}` | {kind} | {state.get('Comment', '')} | {waits} | {caught} |"


if __name__ == "__main__":
    sys.exit(write_or_check(FILE, page(), sys.argv[1:]))
