"""Implements MetricSource: what modules report of themselves with their node's heartbeats."""

from __future__ import annotations

from chalicelib.domain.analysis.evidence import DeclaredSeries
from chalicelib.domain.analysis.own_samples import own_samples
from chalicelib.usecases.ports import MetricQuestion


class HeartbeatMetrics:
    """Reads the windows that were gathered for the verdict, so it asks nobody and is never away."""

    def samples(self, question: MetricQuestion) -> DeclaredSeries:
        """Both sides, compared with control nodes or with before as everything else in the verdict."""
        return own_samples(question.metric, question.evidence, question.policy)
