"""Implements MetricSource: range queries to a Prometheus server.

One query for each side becomes one `DeclaredSeries`. What Prometheus has no number for is `None`: NaN (0/0, say),
infinities, steps without a sample. It never becomes zero here; whether missing means zero is for the metric's
declaration to say.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import HTTPRedirectHandler, Request, build_opener

from chalicelib.domain.analysis.evidence import DeclaredSeries
from chalicelib.domain.errors import Unavailable
from chalicelib.usecases.ports import MetricQuestion, MetricSide, QueryRefused

MILLION = 1_000_000
MOST_SAMPLES = 300
"""Of one side; a longer span is read in longer steps."""
MOST_BYTES = 1024 * 1024
LARGEST = 1e15
"""Beyond it a sample is no number of ours, and is missing."""

Samples = tuple[int | None, ...]
Fetch = Callable[[str, float], bytes]


PLACE = re.compile(r"\$(version|nodes|module|environment)\b")


class PrometheusMetrics:
    """Implements MetricSource on one Prometheus server.

    Its address is the installation's to say and never a caller's: whoever may change a policy chooses what is asked,
    not who is asked. Redirects are not followed.
    """

    def __init__(self, base_url: str, *, timeout_s: float = 3.0, fetch: Fetch | None = None) -> None:
        self._base_url, self._timeout_s, self._fetch = base_url, timeout_s, fetch or _get

    def samples(self, question: MetricQuestion) -> DeclaredSeries:
        """One sample for each step of each side's time, in millionths of the metric's unit.

        Raises:
            QueryRefused: the query is wrong, or gives several series where one is needed.
            Unavailable: no answer in time.
        """
        return DeclaredSeries(
            name=question.metric.name,
            canary=self._side(question, question.canary),
            baseline=self._side(question, question.baseline),
        )

    def _side(self, question: MetricQuestion, side: MetricSide) -> Samples:
        step_ms = question.policy.level_window_ms
        step_ms *= max(1, -(-(side.to_ms - side.from_ms) // (step_ms * MOST_SAMPLES)))
        # Aligned, so that a server that caches answers can.
        from_ms, to_ms = -(-side.from_ms // step_ms) * step_ms, side.to_ms // step_ms * step_ms
        if to_ms < from_ms:
            return ()
        query = query_for(question, side)
        url = range_query_url(self._base_url, query, from_ms=from_ms, to_ms=to_ms, step_ms=step_ms)
        return read_matrix(self._fetch(url, self._timeout_s), from_ms=from_ms, to_ms=to_ms, step_ms=step_ms)


def query_for(question: MetricQuestion, side: MetricSide) -> str:
    """The query with its places filled for one side; `$nodes` is a pattern, so names are escaped in it."""
    told = {
        "version": side.version,
        "nodes": "|".join(re.escape(name).replace("\\", "\\\\") for name in side.nodes),
        "module": question.module,
        "environment": question.environment,
    }
    return PLACE.sub(lambda place: told[place[1]], question.metric.query)


def range_query_url(base_url: str, query: str, *, from_ms: int, to_ms: int, step_ms: int) -> str:
    """The address of a range query; every part of the query is escaped."""
    parameters = {"query": query, "start": _seconds(from_ms), "end": _seconds(to_ms), "step": _seconds(step_ms)}
    return f"{base_url.rstrip('/')}/api/v1/query_range?{urlencode(parameters)}"


def read_matrix(answer: bytes, *, from_ms: int, to_ms: int, step_ms: int) -> Samples:
    """The one series of a range query's answer on its steps, None where it has no finite number; no series, all None.

    Raises:
        QueryRefused: an error, not a matrix, or several series (aggregate them in the query).
    """
    try:
        body = json.loads(answer)
        if body["status"] != "success":
            raise QueryRefused("Prometheus: " + str(body.get("error", "no success and no reason")))
        if body["data"]["resultType"] != "matrix":
            raise QueryRefused("Prometheus: " + f"a {body['data']['resultType']} is no matrix")
        series: list[Mapping[str, Any]] = body["data"]["result"]
        if len(series) > 1:
            raise QueryRefused(
                "Prometheus: " + f"{len(series)} series where one is needed; aggregate them in the query"
            )
        values = {round(at * 1000): _micros(text) for each in series for at, text in each["values"]}
    except (KeyError, TypeError, ValueError) as error:
        raise QueryRefused("Prometheus: " + "the answer is no JSON of the query API") from error
    return tuple(values.get(at) for at in range(from_ms, to_ms + 1, step_ms))


def _micros(text: str) -> int | None:
    value = float(text)
    return round(value * MILLION) if math.isfinite(value) and abs(value) < LARGEST else None


def _seconds(ms: int) -> str:
    return f"{ms // 1000}.{ms % 1000:03d}"


class _NoRedirects(HTTPRedirectHandler):
    """A redirect would let the server, or whoever stands in between, choose whom we ask."""

    def redirect_request(self, *_: Any) -> None:
        return None


_OPENER = build_opener(_NoRedirects)


def _get(url: str, timeout_s: float) -> bytes:
    try:
        with _OPENER.open(Request(url, headers={"Accept": "application/json"}), timeout=timeout_s) as answer:  # noqa: S310  # settings.py refuses other schemes
            body = bytes(answer.read(MOST_BYTES + 1))
    except HTTPError as error:
        # A wrong query is a 400 or 422 with the reason in the usual body.
        with error:
            body = error.read(MOST_BYTES + 1)
    except (HTTPException, OSError) as error:
        raise Unavailable(f"Prometheus does not answer: {error}") from error
    if len(body) > MOST_BYTES:
        raise QueryRefused(f"Prometheus: the answer is longer than {MOST_BYTES} bytes")
    return body
