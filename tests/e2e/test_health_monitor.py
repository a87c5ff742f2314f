"""The monitor beside a test finds an API that is away and an error in the log, and knows what the test brought about."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from tests.e2e.health_monitor import HealthMonitor
from tests.e2e.kept import keep
from tests.e2e.waiting import Missing, wait_for
from tests.loopback_server import serving

AWAY = "http://127.0.0.1:1"


class Well(BaseHTTPRequestHandler):
    def do_GET(self) -> None:  # the library's spelling
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Silence."""


@pytest.fixture
def well() -> Iterator[str]:
    with serving(Well) as server:
        yield f"http://127.0.0.1:{server.server_port}"


def a_line(message: str, level: str = "ERROR") -> str:
    return json.dumps({"level": level, "message": message, "error": "KeyError"}) + "\n"


def test_a_system_that_is_well_all_the_time_is_no_complaint(well: str, tmp_path: Path):
    monitor = HealthMonitor(well, tmp_path / "none.log").start()
    wait_for(lambda: monitor.answers > 1 or Missing("two answers"), because="it asks again and again")

    assert monitor.stop() == []


def test_an_api_that_does_not_answer_is_a_complaint_even_if_the_test_was_too_quick_to_see_it(tmp_path: Path):
    (complaint,) = HealthMonitor(AWAY, tmp_path / "none.log").start().stop()

    assert "Connection refused" in complaint


def test_an_outage_the_test_brings_about_is_none(tmp_path: Path):
    monitor = HealthMonitor(AWAY, tmp_path / "none.log")
    with monitor.outage("the control plane is killed"):
        monitor._ask()

    assert monitor._complaints == []


def test_errors_logged_beside_the_test_are_complaints_unless_it_expects_them(well: str, tmp_path: Path):
    log = tmp_path / "hotswap.log"
    log.write_text(a_line("before the test"))
    monitor = HealthMonitor(well, log).start()
    monitor.allow("expected")
    with log.open("a") as stream:
        stream.write(a_line("expected") + a_line("fine", "INFO") + a_line("unhandled_error") + '{"level": "ERR')

    assert monitor.stop() == ["logged unhandled_error: KeyError"]


def test_what_is_kept_are_logs_and_no_passwords_and_what_could_not_be_had_is_named(tmp_path: Path):
    folder = tmp_path / "environment"
    (folder / "state").mkdir(parents=True)
    (folder / "nodes").mkdir()
    for name in ("stack.log", "state/hotswap.log", "nodes/development-01.log", "state/users.json"):
        (folder / name).write_text(name)

    kept = keep("tests/e2e/x.py::test_y[z]", folder, None, into=tmp_path)

    assert kept.name == "tests-e2e-x.py-test_y-z-"
    assert sorted(each.name for each in kept.iterdir()) == ["development-01.log", "hotswap.log", "stack.log"]
