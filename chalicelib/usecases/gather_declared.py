"""What the sources know of the metrics a policy declares, for both sides of the wave that is judged."""

from __future__ import annotations

from chalicelib.domain.analysis.evidence import DeclaredSeries, Evidence, Source
from chalicelib.domain.analysis.policy import AnalysisMode, AnalysisPolicy
from chalicelib.domain.errors import Unavailable
from chalicelib.usecases.ports import MetricQuestion, MetricSide, MetricSource, Ports, QueryRefused

NOT_SET_UP = "no such source is set up for this installation."


def gather_declared(
    evidence: Evidence,
    policy: AnalysisPolicy,
    *,
    module: str,
    environment: str,
    canary: MetricSide,
    baseline: MetricSide,
    ports: Ports,
) -> tuple[DeclaredSeries, ...]:
    """One series for each declared metric.

    A source that does not answer is no data and the series says why; it is asked once, not once for each metric, so
    that a verdict does not wait for a dead server again and again.
    """
    if policy.mode is not AnalysisMode.REQUIRED or evidence.first_install:
        return ()
    silent: dict[Source, str] = {}
    found = []
    for metric in policy.declared:
        question = MetricQuestion(
            metric=metric,
            module=module,
            environment=environment,
            canary=canary,
            baseline=baseline,
            policy=policy,
            evidence=evidence,
        )
        source = ports.metric_sources.get(metric.source)
        why = silent.get(metric.source) or (NOT_SET_UP if source is None else "")
        if source is None or why:
            found.append(DeclaredSeries(name=metric.name, why=why))
            continue
        found.append(_asked(source, question, silent))
    return tuple(found)


def _asked(source: MetricSource, question: MetricQuestion, silent: dict[Source, str]) -> DeclaredSeries:
    metric = question.metric
    try:
        return source.samples(question)
    except Unavailable as error:
        if not isinstance(error, QueryRefused):
            silent[metric.source] = str(error)
        return DeclaredSeries(name=metric.name, why=str(error))
