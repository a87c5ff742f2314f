"""Implements MetricSource: range queries to a Prometheus server.

One query for each side becomes one `DeclaredSeries`. What Prometheus has no number for is `None`: NaN (0/0, say),
infinities, steps without a sample. It never becomes zero here; whether missing means zero is for the metric's
declaration to say.
"""

from __future__ import annotations

import json
import math
import re
import socket
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import urlencode, urlsplit

from chalicelib.domain.analysis.evidence import DeclaredSeries
from chalicelib.domain.errors import Unavailable
from chalicelib.domain.hook import plain_message
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
            raise QueryRefused("Prometheus: " + plain_message(str(body.get("error", "no success and no reason"))))
        if body["data"]["resultType"] != "matrix":
            raise QueryRefused("Prometheus: " + plain_message(f"a {body['data']['resultType']} is no matrix"))
        series: list[Mapping[str, Any]] = body["data"]["result"]
        if len(series) > 1:
            raise QueryRefused(
                "Prometheus: " + f"{len(series)} series where one is needed; aggregate them in the query"
            )
        values = {round(at * 1000): _micros(text) for each in series for at, text in each["values"]}
    except (AttributeError, KeyError, OverflowError, RecursionError, TypeError, ValueError) as error:
        raise QueryRefused("Prometheus: " + "the answer is no JSON of the query API") from error
    return tuple(values.get(at) for at in range(from_ms, to_ms + 1, step_ms))


def _micros(text: str) -> int | None:
    value = float(text)
    return round(value * MILLION) if math.isfinite(value) and abs(value) < LARGEST else None


def _seconds(ms: int) -> str:
    return f"{ms // 1000}.{ms % 1000:03d}"


def _get(url: str, timeout_s: float) -> bytes:
    """At most one byte more than may be, within `timeout_s` after connecting: a limit on each read would let a slow drip
    go on for ever. Nothing is followed, and no proxy is asked."""
    parts = urlsplit(url)
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    connection, is_over = kind(parts.hostname or "", parts.port, timeout=timeout_s), threading.Event()
    watch = threading.Timer(timeout_s, _cut, (connection, is_over))
    watch.daemon = True
    try:
        connection.connect()
        watch.start()
        connection.request("GET", f"{parts.path}?{parts.query}", headers={"Accept": "application/json"})
        body = connection.getresponse().read(MOST_BYTES + 1)
        if is_over.is_set():
            raise TimeoutError
    except (HTTPException, OSError) as error:
        why = f"no whole answer within {timeout_s:g} s" if is_over.is_set() else str(error)
        raise Unavailable(f"Prometheus does not answer: {plain_message(why)}") from error
    finally:
        watch.cancel()
        connection.close()
    if len(body) > MOST_BYTES:
        raise QueryRefused(f"Prometheus: the answer is longer than {MOST_BYTES} bytes")
    return body


def _cut(connection: HTTPConnection, is_over: threading.Event) -> None:
    """End the exchange now, from another thread."""
    is_over.set()
    if connection.sock is not None:
        with suppress(OSError):
            socket.socket.shutdown(connection.sock, socket.SHUT_RDWR)
