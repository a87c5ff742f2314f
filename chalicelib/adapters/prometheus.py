"""A source of user-declared metrics: range queries to a Prometheus server.

Two queries, canary and baseline over the same time, become one `DeclaredSeries`. What Prometheus has no number for is
`None`: NaN (0/0, say), infinities, steps without a sample. It never becomes zero here; whether missing means zero is
for the metric's declaration to say.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from chalicelib.domain.analysis.evidence import DeclaredSeries
from chalicelib.domain.errors import Unavailable

MILLION = 1_000_000
MOST_SAMPLES = 11_000
"""Prometheus refuses more points than this in one series."""

Samples = tuple[int | None, ...]
Fetch = Callable[[str, float], bytes]


class BadAnswer(Unavailable):
    """The server answered something that is no matrix of one series; `detail` is its own message where it has one."""

    def __init__(self, detail: str) -> None:
        self.detail = detail
        super().__init__(f"Prometheus: {detail}")


def declared_series(
    name: str,
    *,
    canary_query: str,
    baseline_query: str,
    base_url: str,
    from_ms: int,
    to_ms: int,
    step_ms: int,
    timeout_s: float = 10.0,
    fetch: Fetch | None = None,
) -> DeclaredSeries:
    """Both sides of one declared metric, a sample for each step of [from, to], in millionths of the metric's unit.

    Raises:
        BadAnswer: the query is wrong, or gives several series where one is needed.
        Unavailable: no answer within `timeout_s`.
        ValueError: a step or a span that Prometheus would refuse.
    """
    if step_ms < 1 or not 0 <= (to_ms - from_ms) // step_ms < MOST_SAMPLES:
        raise ValueError(f"from {from_ms} to {to_ms} in steps of {step_ms} ms is no range Prometheus answers")
    get = fetch or _get

    def samples(query: str) -> Samples:
        answer = get(range_query_url(base_url, query, from_ms=from_ms, to_ms=to_ms, step_ms=step_ms), timeout_s)
        return read_matrix(answer, from_ms=from_ms, to_ms=to_ms, step_ms=step_ms)

    return DeclaredSeries(name=name, canary=samples(canary_query), baseline=samples(baseline_query))


def range_query_url(base_url: str, query: str, *, from_ms: int, to_ms: int, step_ms: int) -> str:
    """The address of a range query; every part of the query is escaped."""
    parameters = {"query": query, "start": _seconds(from_ms), "end": _seconds(to_ms), "step": _seconds(step_ms)}
    return f"{base_url.rstrip('/')}/api/v1/query_range?{urlencode(parameters)}"


def read_matrix(answer: bytes, *, from_ms: int, to_ms: int, step_ms: int) -> Samples:
    """The one series of a range query's answer on its steps, None where it has no finite number; no series, all None.

    Raises:
        BadAnswer: an error, not a matrix, or several series (aggregate them in the query).
    """
    try:
        body = json.loads(answer)
        if body["status"] != "success":
            raise BadAnswer(str(body.get("error", "no success and no reason")))
        if body["data"]["resultType"] != "matrix":
            raise BadAnswer(f"a {body['data']['resultType']} is no matrix")
        series: list[Mapping[str, Any]] = body["data"]["result"]
        if len(series) > 1:
            raise BadAnswer(f"{len(series)} series where one is needed; aggregate them in the query")
        values = {round(at * 1000): _micros(text) for each in series for at, text in each["values"]}
    except (KeyError, TypeError, ValueError) as error:
        raise BadAnswer("the answer is no JSON of the query API") from error
    return tuple(values.get(at) for at in range(from_ms, to_ms + 1, step_ms))


def _micros(text: str) -> int | None:
    value = float(text)
    return round(value * MILLION) if math.isfinite(value) else None


def _seconds(ms: int) -> str:
    return f"{ms // 1000}.{ms % 1000:03d}"


def _get(url: str, timeout_s: float) -> bytes:
    if not url.startswith(("http://", "https://")):
        raise ValueError("a Prometheus server has an http or https address")
    request = Request(url, headers={"Accept": "application/json"})  # noqa: S310  # the scheme is checked above
    try:
        with urlopen(request, timeout=timeout_s) as answer:  # noqa: S310  # as above
            return bytes(answer.read())
    except HTTPError as error:
        # A wrong query is a 400 or 422 with the reason in the usual body.
        return error.read()
    except (URLError, TimeoutError, OSError) as error:
        raise Unavailable(f"Prometheus does not answer: {error}") from error
