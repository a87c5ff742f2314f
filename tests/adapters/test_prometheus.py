"""The Prometheus source: on canned answers, on a loopback server, and on a real one where one is installed."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from chalicelib.adapters.prometheus import MOST_BYTES, PrometheusMetrics, query_for, range_query_url, read_matrix
from chalicelib.domain.analysis.evidence import Evidence, Source
from chalicelib.domain.analysis.policy import AnalysisPolicy, DeclaredMetric
from chalicelib.domain.errors import Unavailable
from chalicelib.usecases.ports import MetricQuestion, MetricSide, QueryRefused
from tests.prometheus_server import a_matrix, a_prometheus, a_server

GRID = {"from_ms": 1_000_000, "to_ms": 1_030_000, "step_ms": 10_000}
DEPTH = 'avg(queue_depth{version="$version"})'


def a_question(query: str = DEPTH, *, start_ms: int = 1_000_000, end_ms: int = 1_030_000, step_ms: int = 10_000):
    def side(version: str, *nodes: str) -> MetricSide:
        return MetricSide(version=version, nodes=nodes, from_ms=start_ms, to_ms=end_ms)

    return MetricQuestion(
        metric=DeclaredMetric(name="queueDepth", source=Source.PROMETHEUS, query=query),
        module="payment-processor",
        environment="Production",
        canary=side("2.0.0", "p-01", "p.02"),
        baseline=side("1.0.0", "p-03"),
        policy=AnalysisPolicy(level_window_ms=step_ms),
        evidence=Evidence(canary=()),
    )


def test_samples_lie_on_their_steps_and_gaps_stay_gaps():
    answer = a_matrix([(1000, "1.5"), (1020, "0.000002")])

    assert read_matrix(answer, **GRID) == (1_500_000, None, 2, None)


@pytest.mark.parametrize("text", ["NaN", "+Inf", "-Inf", "1e300"])
def test_what_is_no_finite_number_of_ours_is_missing_and_never_zero(text):
    assert read_matrix(a_matrix([(1000, text)]), **GRID) == (None, None, None, None)


def test_no_series_is_no_data():
    assert read_matrix(a_matrix(), **GRID) == (None, None, None, None)


@pytest.mark.parametrize(
    ("answer", "detail"),
    [
        (a_matrix([(1000, "1")], [(1000, "2")]), "2 series"),
        (b'{"status":"error","errorType":"bad_data","error":"parse error"}', "parse error"),
        (b'{"status":"success","data":{"resultType":"vector","result":[]}}', "vector"),
        (b"<html>", "no JSON"),
        (b'{"status":"success","data":{"resultType":"matrix","result":[{"values":[[1000,"x"]]}]}}', "no JSON"),
        (b"[]", "no JSON"),
    ],
)
def test_other_answers_are_refused_with_their_reason(answer, detail):
    with pytest.raises(QueryRefused, match=detail):
        read_matrix(answer, **GRID)


def test_the_query_is_escaped_whole():
    url = range_query_url("http://p:9090/", 'sum(rate(x{a="b&c"}[1m]))', **GRID)

    assert parse_qs(urlsplit(url).query) == {
        "query": ['sum(rate(x{a="b&c"}[1m]))'],
        "start": ["1000.000"],
        "end": ["1030.000"],
        "step": ["10.000"],
    }


def test_places_are_filled_for_each_side_and_names_are_no_patterns():
    query = 'x{v="$version",n=~"$nodes",m="$module",e="$environment",other=~"$versions|$x$"}'

    asked = query_for(a_question(query), a_question().canary)

    assert asked == ('x{v="2.0.0",n=~"p\\\\-01|p\\\\.02",m="payment-processor",e="Production",other=~"$versions|$x$"}')


def test_both_sides_are_asked_over_loopback_and_become_one_series():
    asked = []

    def answer(query):
        asked.append(query)
        value = "2" if '"2.0.0"' in query["query"] else "1"
        return 200, a_matrix([(1000, value), (1010, value)]), {}

    with a_server(answer) as url:
        series = PrometheusMetrics(url).samples(a_question())

    assert [query["path"] for query in asked] == ["/api/v1/query_range"] * 2
    assert (series.name, series.canary[:2], series.baseline[:2]) == ("queueDepth", (2_000_000,) * 2, (1_000_000,) * 2)


def test_a_long_span_is_asked_in_longer_steps():
    steps = []

    def answer(query):
        steps.append(float(query["step"]))
        return 200, a_matrix(), {}

    with a_server(answer) as url:
        series = PrometheusMetrics(url).samples(a_question(end_ms=1_000_000 + 24 * 3_600_000))

    assert steps == [290.0, 290.0]
    assert len(series.canary) <= 300


def test_a_span_without_a_step_is_no_data_and_asks_nobody():
    series = PrometheusMetrics("http://127.0.0.1:9").samples(a_question(start_ms=1_000_001, end_ms=1_000_002))

    assert (series.canary, series.baseline) == ((), ())


def test_a_server_that_is_not_there_is_unavailable():
    with pytest.raises(Unavailable, match="does not answer"):
        PrometheusMetrics("http://127.0.0.1:9", timeout_s=1).samples(a_question())


def test_a_redirect_is_not_followed():
    def answer(query):
        if query["path"] != "/api/v1/query_range":
            raise AssertionError("it went where it was sent")
        return 302, b"", {"Location": "/elsewhere"}

    with a_server(answer) as url, pytest.raises(QueryRefused, match="no JSON"):
        PrometheusMetrics(url).samples(a_question())


def test_an_answer_without_end_is_refused():
    with (
        a_server(lambda _: (200, b" " * (MOST_BYTES + 1), {})) as url,
        pytest.raises(QueryRefused, match="longer than"),
    ):
        PrometheusMetrics(url).samples(a_question())


def test_a_wrong_query_says_what_the_server_says():
    body = b'{"status":"error","errorType":"bad_data","error":"parse error: unclosed"}'
    with a_server(lambda _: (400, body, {})) as url, pytest.raises(QueryRefused, match="unclosed"):
        PrometheusMetrics(url).samples(a_question())


def test_a_real_server_answers_numbers_gaps_and_errors(tmp_path):
    start = 1_790_000_000
    lines = ["# TYPE queue_depth gauge"]
    lines += [f'queue_depth{{version="2.0.0"}} 2.5 {start + at}' for at in range(0, 60, 10)]
    lines += [f'queue_depth{{version="1.0.0"}} NaN {start + at}' for at in range(0, 60, 10)]
    span = {"start_ms": start * 1000, "end_ms": (start + 50) * 1000}

    with a_prometheus(tmp_path, lines) as url:
        source = PrometheusMetrics(url)
        series = source.samples(a_question(**span))
        absent = source.samples(a_question('avg(nothing_there{version="$version"})', **span))
        with pytest.raises(QueryRefused, match="parse error"):
            source.samples(a_question("sum($version", **span))

    assert (series.canary, series.baseline) == ((2_500_000,) * 6, (None,) * 6)
    assert absent.canary == (None,) * 6
