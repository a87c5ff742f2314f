"""Bodies of a deployment's verdicts. Source: docs/judge.md, and `VerdictReached` in docs/contracts/events.md."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from chalicelib.domain.analysis.verdict import ComparedWith, Conclusion, Decision, ReasonCode
from chalicelib.domain.environment import Environment
from chalicelib.domain.timeline import Event
from chalicelib.routes.fields import EnvironmentName, Instant, QueryInt, iso
from chalicelib.routes.validation import Answered, Received
from chalicelib.usecases.read_verdicts import Verdicts


class ReadVerdicts(Received):
    """Which verdicts: of one environment, behind an event."""

    environment: EnvironmentName | None = None
    after: Annotated[QueryInt, Field(ge=0, le=99_999_999)] = 0
    limit: Annotated[QueryInt, Field(ge=1, le=100)] = 50


class ReasonBody(Answered):
    """One reason. `missing`: how many requests, windows or samples there would have to be more."""

    code: ReasonCode
    sentence: str
    missing: int


class FindingBody(Answered):
    """What one metric showed; with `nodeId`, on one node alone.

    Both values are in `unit` (`bp`: ten-thousandths, `us`, `bytes`, `count`, `millionths`), sample sizes in
    `sampleUnit`. `effectBp` is the relative change (10000: doubled), `lowBp` to `highBp` its interval. `thresholdBp` is
    the change tolerated, `testedBp` the change tested against: wider by what nodes differ anyway. `pValue` below `alpha`
    is harm where the change is also more than `floor`.
    """

    metric: str
    node_id: str | None
    unit: str
    canary_value: int | None
    baseline_value: int | None
    canary_samples: int
    baseline_samples: int
    sample_unit: str
    test: str
    p_value: str | None
    alpha: str | None
    effect_bp: int | None
    low_bp: int | None
    high_bp: int | None
    threshold_bp: int | None
    tested_bp: int | None
    floor: int | None
    critical: bool
    source: str
    conclusion: Conclusion
    sentence: str


class WaveVerdictBody(Answered):
    """What the judge said about one wave. `seq` is its event; `final` is false for a look that ended the bake early."""

    seq: int
    at: Instant
    environment: Environment
    wave: int
    decision: Decision
    compared_with: ComparedWith
    sentence: str
    final: bool
    reasons: list[ReasonBody]
    findings: list[FindingBody]


class VerdictPage(Answered):
    """Verdicts, oldest first; where `nextAfter` is given there are more behind it."""

    verdicts: list[WaveVerdictBody]
    next_after: int | None


def verdict_page(read: Verdicts) -> VerdictPage:
    """Part of a deployment's verdicts."""
    return VerdictPage(verdicts=[_verdict_body(event) for event in read.events], next_after=read.next_after)


def _verdict_body(event: Event) -> WaveVerdictBody:
    told = {"seq": event.seq, "at": iso(event.at_ms), "environment": event.environment, "wave": event.wave}
    return WaveVerdictBody.model_validate(told | event.detail, by_alias=True, by_name=True)
