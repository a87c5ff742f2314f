"""The verdict on a run: valid or not, and what is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass

from tests.chaos.evidence import Evidence
from tests.chaos.history import Outcome
from tests.chaos.invariants import INVARIANTS

LEAST_ANSWERS = 5
"""With less traffic than this nothing was tested."""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """`invalid`: why the run proves nothing. `violations`: (invariant, what it found)."""

    invalid: tuple[str, ...]
    violations: tuple[tuple[str, str], ...]

    @property
    def passed(self) -> bool:
        """Only a run that proves something can pass."""
        return not self.invalid and not self.violations

    def __str__(self) -> str:
        lines = [f"invalid: {reason}" for reason in self.invalid]
        return "\n".join([*lines, *(f"{name}: {found}" for name, found in self.violations)]) or "passed"


def judge(evidence: Evidence) -> Verdict:
    """Every invariant, on a run that had traffic and met every fault it was to meet."""
    violations = [(check.__name__, found) for check in INVARIANTS for found in check(evidence)]
    return Verdict(invalid=tuple(_reasons(evidence)), violations=tuple(violations))


def _reasons(evidence: Evidence) -> list[str]:
    reasons = []
    answers = sum(call.outcome is Outcome.OK for call in evidence.history.calls)
    if answers < LEAST_ANSWERS:
        reasons.append(f"only {answers} calls of clients were answered, {LEAST_ANSWERS} are needed")
    fired = {(fault.ordinal, fault.mode) for fault in evidence.history.fired}
    reasons += [
        f"fault {each} did not fire" for each in evidence.planned if (each.ordinal, str(each.mode)) not in fired
    ]
    open_calls: dict[str, int] = {}
    for call in evidence.history.calls:
        if open_calls.get(call.client, 0) > call.invoked:
            reasons.append(f"{call.client} made two calls at once")
        open_calls[call.client] = call.ended or call.invoked
    return reasons
