"""How much nodes differ anyway, and so how far a threshold must be widened before crossing it means something.

Requests are plenty and nodes are few: with one canary node that always was a fifth slower, a test over its thousands
of requests would be certain of harm. So the practical threshold is moved by what is known about these nodes from
*before*, and widened by what is not: how far nodes lie apart (the less is known from before), how far apart control
nodes drifted since, and what a restart alone does to a node.

The variance components are estimated by moments (DerSimonian and Laird 1986) and pulled towards a prior by their own
precision, since few nodes tell little; the nodes' own offset is the usual empirical-Bayes shrinkage (Efron and Morris
1975). Nothing here looks at the canary *during* the bake, so worse canary numbers can never widen a threshold.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

# One-sided 95 %. The practical threshold lies between a version that is no worse and the limit, so that such a version is
# taken for worse only three deviations or more out (docs/judge.md has the sum).
CAUTION = 1.645
# One-sided 99.9 %, where nothing from before tells how these nodes lie to the others: then the spread of nodes is most
# of what is unknown, and a threshold of 10 % is no distance.
CAUTION_WITHOUT_BEFORE = 3.09
# Priors, as standard deviations of the logarithm, and how many nodes each is worth.
NODE_SPREAD = 0.3
DRIFT_SPREAD = 0.03
PRIOR_NODES = 4
# A restart alone moves a node this much (caches, placement), and the fleet this much between before and now.
RESTART_SPREAD = 0.05
TIME_SPREAD = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class LogReading:
    """The logarithm of a rate or quantile with its sampling variance."""

    value: float
    variance: float


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeLogs:
    """One control node's logarithms before and during, None where it has no data, and its weight (requests)."""

    before: LogReading | None
    during: LogReading | None
    weight: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Widening:
    """`offset`: how far the canary nodes lay above the baseline before, as a logarithm. `deviation`: what is unsure,
    allowed for `caution` times over."""

    offset: float
    deviation: float
    caution: float = CAUTION

    def tested_ratio(self, practical_ratio: float) -> float:
        """The ratio to test against for `practical_ratio` to be crossed beyond what nodes differ by anyway."""
        return practical_ratio * math.exp(self.offset + self.caution * self.deviation)


def widen(
    *,
    canary_before: LogReading | None,
    baseline_before: LogReading | None,
    canary_weights: Sequence[float],
    nodes: Sequence[NodeLogs],
    same_time: bool,
    same_nodes: bool,
) -> Widening:
    """The widening for one metric.

    `nodes` are those whose spread is known (control nodes). `same_time`: the baseline was measured in the bake, not
    before it. `same_nodes`: the baseline are the same nodes, so that what sets them apart is only who has had how much traffic.
    """
    canary_nodes = effective_nodes(canary_weights)
    base_nodes = effective_nodes([node.weight for node in nodes])
    unknown = RESTART_SPREAD**2 / canary_nodes
    if same_time:
        changes = [change for node in nodes if (change := _change(node)) is not None]
        unknown += between_variance(changes, DRIFT_SPREAD) * (1 / canary_nodes + 1 / base_nodes)
    else:
        unknown += TIME_SPREAD**2 + DRIFT_SPREAD**2 / canary_nodes
    if same_nodes:
        # The same windows, only weighted otherwise: the offset between them is known for certain.
        offset = 0.0
        if canary_before is not None and baseline_before is not None:
            offset = canary_before.value - baseline_before.value
        return Widening(offset=offset, deviation=math.sqrt(unknown))
    levels = [reading for node in nodes if (reading := node.before or node.during) is not None]
    apart = between_variance(levels, NODE_SPREAD) * (1 / canary_nodes + 1 / base_nodes)
    if canary_before is None or baseline_before is None:
        return Widening(offset=0.0, deviation=math.sqrt(unknown + apart), caution=CAUTION_WITHOUT_BEFORE)
    known = apart / (apart + canary_before.variance + baseline_before.variance)
    offset = known * (canary_before.value - baseline_before.value)
    return Widening(offset=offset, deviation=math.sqrt(unknown + apart * (1 - known)))


def between_variance(readings: Sequence[LogReading], prior_deviation: float) -> float:
    """How much nodes differ beyond the sampling error of their readings: a variance of logarithms.

    The moment estimate and the prior, each weighted with its precision; no readings give the prior.
    """
    prior = prior_deviation**2
    weights = [1 / reading.variance for reading in readings]
    total = sum(weights)
    scale = total - sum(weight**2 for weight in weights) / total if total else 0.0
    freedom = len(readings) - 1
    if freedom < 1 or scale <= 0.0:
        return prior
    mean = sum(weight * reading.value for weight, reading in zip(weights, readings, strict=True)) / total
    excess = sum(w * (reading.value - mean) ** 2 for w, reading in zip(weights, readings, strict=True)) - freedom
    estimate = max(0.0, excess / scale)
    estimate_precision = freedom / (2 * (freedom / scale + prior) ** 2)
    prior_precision = PRIOR_NODES / (2 * prior**2)
    weighted = prior * prior_precision + estimate * estimate_precision
    return weighted / (prior_precision + estimate_precision)


def effective_nodes(weights: Sequence[float]) -> float:
    """How many equal nodes these weights are worth (Kish 1965), at least one."""
    squares = sum(weight**2 for weight in weights)
    return max(1.0, sum(weights) ** 2 / squares) if squares > 0 else 1.0


def _change(node: NodeLogs) -> LogReading | None:
    if node.before is None or node.during is None:
        return None
    return LogReading(value=node.during.value - node.before.value, variance=node.during.variance + node.before.variance)
