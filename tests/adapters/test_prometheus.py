"""The Prometheus source: on canned answers, and on a real server where one is installed."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from urllib.parse import parse_qs, urlsplit

import pytest

from chalicelib.adapters.prometheus import BadAnswer, declared_series, range_query_url, read_matrix
from chalicelib.domain.errors import Unavailable

GRID = {"from_ms": 1_000_000, "to_ms": 1_030_000, "step_ms": 10_000}


def an_answer(*series: list[tuple[float, str]]) -> bytes:
    result = [{"metric": {}, "values": values} for values in series]
    return json.dumps({"status": "success", "data": {"resultType": "matrix", "result": result}}).encode()


def test_samples_lie_on_their_steps_and_gaps_stay_gaps():
    answer = an_answer([(1000, "1.5"), (1020, "0.000002")])

    assert read_matrix(answer, **GRID) == (1_500_000, None, 2, None)


@pytest.mark.parametrize("text", ["NaN", "+Inf", "-Inf"])
def test_what_is_no_finite_number_is_missing_and_never_zero(text):
    assert read_matrix(an_answer([(1000, text)]), **GRID) == (None, None, None, None)


def test_no_series_is_no_data():
    assert read_matrix(an_answer(), **GRID) == (None, None, None, None)


@pytest.mark.parametrize(
    ("answer", "detail"),
    [
        (an_answer([(1000, "1")], [(1000, "2")]), "2 series"),
        (b'{"status":"error","errorType":"bad_data","error":"parse error"}', "parse error"),
        (b'{"status":"success","data":{"resultType":"vector","result":[]}}', "vector"),
        (b"<html>", "no JSON"),
        (b'{"status":"success","data":{"resultType":"matrix","result":[{"values":[[1000,"x"]]}]}}', "no JSON"),
        (b"[]", "no JSON"),
    ],
)
def test_other_answers_are_refused_with_their_reason(answer, detail):
    with pytest.raises(BadAnswer, match=detail):
        read_matrix(answer, **GRID)


def test_the_query_is_escaped_whole():
    url = range_query_url("http://p:9090/", 'sum(rate(x{a="b&c"}[1m]))', **GRID)

    parameters = parse_qs(urlsplit(url).query)
    assert parameters == {
        "query": ['sum(rate(x{a="b&c"}[1m]))'],
        "start": ["1000.000"],
        "end": ["1030.000"],
        "step": ["10.000"],
    }


def test_both_sides_become_one_series():
    answers = {"ours": an_answer([(1000, "2")]), "theirs": an_answer([(1000, "1")])}

    def fetch(url: str, _: float) -> bytes:
        return answers[parse_qs(urlsplit(url).query)["query"][0]]

    series = declared_series(
        "depth", canary_query="ours", baseline_query="theirs", base_url="http://p", fetch=fetch, **GRID
    )

    assert (series.name, series.canary[0], series.baseline[0]) == ("depth", 2_000_000, 1_000_000)


def test_a_range_prometheus_would_refuse_is_refused_here():
    with pytest.raises(ValueError, match="no range"):
        declared_series(
            "x", canary_query="1", baseline_query="1", base_url="http://p", from_ms=0, to_ms=10**9, step_ms=1
        )


def test_a_server_that_is_not_there_is_unavailable():
    with pytest.raises(Unavailable):
        declared_series("x", canary_query="1", baseline_query="1", base_url="http://127.0.0.1:9", timeout_s=1, **GRID)


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory):
    """A real server that scrapes itself every second."""
    program = shutil.which("prometheus")
    if program is None:
        pytest.skip("prometheus is not installed (apt-get install prometheus)")
    folder = tmp_path_factory.mktemp("prometheus")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    scrape = {"job_name": "self", "static_configs": [{"targets": [address]}]}
    config = folder / "prometheus.yml"
    config.write_text(json.dumps({"global": {"scrape_interval": "1s"}, "scrape_configs": [scrape]}))
    arguments = [f"--config.file={config}", f"--storage.tsdb.path={folder / 'data'}", f"--web.listen-address={address}"]
    server = subprocess.Popen([program, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _until_it_has_scraped(f"http://{address}")
        yield f"http://{address}"
    finally:
        server.terminate()
        server.wait(10)


def _until_it_has_scraped(url: str) -> None:
    for _ in range(150):
        try:
            with urllib.request.urlopen(f"{url}/api/v1/query?query=up", timeout=1) as answer:  # noqa: S310  # our own server
                if json.load(answer)["data"]["result"]:
                    return
        except (urllib.error.URLError, OSError):
            pass
        time.sleep(0.2)
    raise AssertionError("Prometheus has not scraped itself within 30 s")


def test_a_real_server_answers_numbers_gaps_and_errors(prometheus):
    now = (int(time.time()) + 1) * 1000  # the first scrape may be younger than this second
    span = {"from_ms": now - 3_000, "to_ms": now, "step_ms": 1_000}

    series = declared_series("x", canary_query="vector(2.5)", baseline_query="vector(0)/0", base_url=prometheus, **span)
    absent = declared_series("x", canary_query="sum(up)", baseline_query="nothing_there", base_url=prometheus, **span)

    assert (series.canary, series.baseline) == ((2_500_000,) * 4, (None,) * 4)
    assert absent.canary[-1] == 1_000_000
    assert absent.baseline == (None,) * 4
    with pytest.raises(BadAnswer, match="parse error"):
        declared_series("x", canary_query="sum(", baseline_query="1", base_url=prometheus, **span)
