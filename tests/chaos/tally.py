"""What was played: runs, faults that fired, violations, and how long it took until all was well again."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.chaos.checker import Verdict
from tests.chaos.evidence import Evidence
from tests.chaos.faults import KILLS, OBJECTIVE_S, Mode
from tests.chaos.plans import Plan


@dataclass
class Tally:
    """Counts, and for each mode the recovery times of the runs that met one such fault alone."""

    runs: int = 0
    invalid: int = 0
    schedules: set[Plan] = field(default_factory=set)
    fired: Counter[tuple[str, str]] = field(default_factory=Counter)
    violations: Counter[str] = field(default_factory=Counter)
    failed: list[Plan] = field(default_factory=list)
    recovery_s: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    slowest: dict[str, str] = field(default_factory=dict)

    def take(self, plan: Plan, evidence: Evidence, verdict: Verdict) -> None:
        """Count one run."""
        name, faults = plan
        self.runs += not verdict.invalid
        self.invalid += bool(verdict.invalid)
        self.schedules.add(plan)
        self.fired.update((fired.call, fired.mode) for fired in evidence.history.fired)
        if verdict.violations:
            self.violations.update({invariant for invariant, _ in verdict.violations})
            self.failed.append(plan)
        if len(faults) == 1 and not verdict.invalid and evidence.recovery_s is not None:
            mode = str(faults[0].mode)
            if evidence.recovery_s > max(self.recovery_s[mode], default=-1):
                self.slowest[mode] = f"--replay {name} --faults {faults[0]}"
            self.recovery_s[mode].append(evidence.recovery_s)

    @property
    def by_mode(self) -> Counter[str]:
        """Faults fired, by mode."""
        modes: Counter[str] = Counter()
        for (_, mode), count in self.fired.items():
            modes[mode] += count
        return modes

    def lines(self) -> Iterator[str]:
        """Counts, no adjectives."""
        modes = self.by_mode
        yield f"{self.runs} runs judged of {len(self.schedules)} schedules, {self.invalid} invalid, {len(self.failed)} failed"
        killed = sum(modes[mode] for mode in KILLS)
        yield f"{sum(modes.values())} faults fired, {len(self.fired)} pairs of (call, mode), {killed} kills"
        yield f"{'mode':16}{'fired':>7}{'alone':>7}{'median':>8}{'longest':>9}{'objective':>11}  seconds until all is well"
        for mode in Mode:
            times = sorted(self.recovery_s.get(mode, ()))
            seen = (f"{times[len(times) // 2]}", f"{times[-1]}") if times else ("-", "-")
            yield f"{mode:16}{modes[mode]:7}{len(times):7}{seen[0]:>8}{seen[1]:>9}{OBJECTIVE_S[mode]:11}  {self.slowest.get(mode, '')}"
        yield f"{sum(self.violations.values())} violations"
        for name, count in self.violations.most_common():
            yield f"VIOLATED {name}: {count} times"
