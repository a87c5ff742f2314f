"""Implements Telemetry on the log: lines, and measurements in CloudWatch's embedded metric format (EMF).

CloudWatch makes metrics of such lines by itself, so writing one calls nobody and cannot fail a request.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from chalicelib.domain.telemetry import MEASURES, NAMESPACE, STAGE, Measurement
from chalicelib.observability import log, log_failure, write_line


@contextmanager
def _harmless() -> Iterator[None]:
    """What is told is decided and written already: whoever decided it must not fail because nobody could be shown."""
    try:
        yield
    except Exception as error:  # noqa: BLE001
        log_failure("telemetry_broke", error)


class LogTelemetry:
    """The log of this function, in one installation."""

    def __init__(self, stage: str) -> None:
        self._stage = stage

    def happened(self, event: str, **fields: Any) -> None:
        """One line: a name and its fields, those of the request it happens in besides."""
        with _harmless():
            log(event, **fields)

    def measured(self, *measurements: Measurement) -> None:
        """One line for each; dimensions are the stage and what the table of measures allows."""
        for each in measurements:
            with _harmless():
                write_line(json.dumps(self._emf(each), separators=(",", ":")))

    def _emf(self, measurement: Measurement) -> dict[str, Any]:
        from aws_lambda_powertools.metrics.provider.cloudwatch_emf.cloudwatch import AmazonCloudWatchEMFProvider

        shape = MEASURES[measurement.measure]
        # One for each: it is not made for several threads.
        metrics = AmazonCloudWatchEMFProvider(namespace=NAMESPACE, default_dimensions={STAGE: self._stage})
        if shape.dimension:
            metrics.add_dimension(name=shape.dimension, value=measurement.of)
        for name, value in measurement.about.items():
            metrics.add_metadata(key=name, value=value)
        metrics.add_metric(name=str(measurement.measure), unit=str(shape.unit), value=measurement.value)
        return dict(metrics.serialize_metric_set())
