"""The event that keeps a verdict: what was compared, both sides' numbers, the test and its threshold, and why."""

from __future__ import annotations

import re
from dataclasses import fields
from enum import Enum
from typing import Any

from chalicelib.domain.analysis.verdict import Finding, Reason, Verdict
from chalicelib.domain.rollout import Rollout
from chalicelib.domain.timeline import EventType
from chalicelib.usecases.recording import Entry

MOST_OF_NODES = 20
"""A thousand bad nodes must not make an event that neither the table nor the bus would take."""


def verdict_entry(rollout: Rollout, verdict: Verdict, *, final: bool) -> Entry:
    """The event that keeps a verdict with every number behind it; `final` is false for a look during the bake.

    Of single nodes the first MOST_OF_NODES are kept; how many are worse the sentence says.
    """
    findings = [finding for finding in verdict.findings if finding.node_id is None]
    findings += [finding for finding in verdict.findings if finding.node_id is not None][:MOST_OF_NODES]
    detail: dict[str, Any] = {
        "decision": str(verdict.decision),
        "comparedWith": str(verdict.compared_with),
        "sentence": verdict.sentence,
        "final": final,
        "reasons": [_told(reason) for reason in verdict.reasons[: len(findings) + MOST_OF_NODES]],
        "findings": [_told(finding) for finding in findings],
    }
    return Entry(type=EventType.VERDICT_REACHED, environment=rollout.environment, wave=rollout.wave, detail=detail)


def _told(value: Finding | Reason) -> dict[str, Any]:
    """Every field under the name the contract gives it, enums as their text: JSON and nothing else."""
    told = {}
    for field in fields(value):
        held = getattr(value, field.name)
        told[re.sub("_(.)", lambda found: found[1].upper(), field.name)] = (
            held.value if isinstance(held, Enum) else held
        )
    return told
