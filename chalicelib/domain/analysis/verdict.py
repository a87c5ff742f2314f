"""What the judge says: a decision, the numbers behind it, and one plain sentence.

Every value is text, a whole number, a truth value or None, so `dataclasses.asdict` gives something JSON can hold.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Decision(StrEnum):
    """Go on, wait for more, or take it back."""

    PROMOTE = "promote"
    HOLD = "hold"
    ROLLBACK = "rollback"


class ComparedWith(StrEnum):
    """What the canary was compared with."""

    CONTROL = "control"
    BEFORE = "before"
    HEALTH_ONLY = "healthOnly"


class Conclusion(StrEnum):
    """What one metric says: fine, worse, too little to tell, or nothing measured."""

    PASS = "pass"  # noqa: S105  # a conclusion, no password
    HARM = "harm"
    THIN = "thin"
    NO_DATA = "noData"


class ReasonCode(StrEnum):
    """Why the decision is what it is, for programs."""

    NODES_FAILED = "nodesFailed"
    NODES_SILENT = "nodesSilent"
    CRASHES = "crashes"
    METRIC_WORSE = "metricWorse"
    NODE_WORSE = "nodeWorse"
    OUTRIGHT_FAILURE = "outrightFailure"
    TOO_FEW_REQUESTS = "tooFewRequests"
    TOO_FEW_BASELINE_REQUESTS = "tooFewBaselineRequests"
    TOO_FEW_WINDOWS = "tooFewWindows"
    METRIC_MISSING = "metricMissing"
    ALARM = "alarm"
    CHANGED_OUTSIDE = "changedOutside"
    ADVISORY = "advisory"
    FIRST_INSTALL = "firstInstall"
    HEALTH_ONLY = "healthOnly"
    NOT_WORSE = "notWorse"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One reason: a code, a sentence, and where something is missing, how much of it (requests, windows, samples)."""

    code: ReasonCode
    sentence: str
    missing: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one metric showed.

    `unit` is that of both values: `bp` (errors in ten thousand requests, ten-thousandths of a core), `us`, `bytes`,
    `count` or `millionths`. Sample sizes are in `sample_unit` (requests, windows, nodes or samples). `effect_bp` is
    the relative change in ten-thousandths (10000 = doubled), `low_bp` and `high_bp` its interval at every look.
    `threshold_bp` is the change tolerated and `tested_bp` the change tested against: the threshold widened by how
    much nodes differ anyway. `p_value` is valid at every look (1/e for a test by e-values); text, for JSON's sake.
    `source` is where the values come from: heartbeats, or what the policy names for a declared metric.
    """

    metric: str
    node_id: str | None = None
    unit: str
    canary_value: int | None
    baseline_value: int | None
    canary_samples: int
    baseline_samples: int
    sample_unit: str
    test: str
    p_value: str | None = None
    alpha: str | None = None
    effect_bp: int | None = None
    low_bp: int | None = None
    high_bp: int | None = None
    threshold_bp: int | None = None
    tested_bp: int | None = None
    floor: int | None = None
    critical: bool = True
    source: str = "heartbeat"
    conclusion: Conclusion
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The judge's answer for one wave; stored and shown as it is."""

    decision: Decision
    compared_with: ComparedWith
    findings: tuple[Finding, ...] = ()
    reasons: tuple[Reason, ...]
    sentence: str
