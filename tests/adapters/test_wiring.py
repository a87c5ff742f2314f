"""Wiring, settings and logs: nothing at import, everything once, other adapters on request."""

from __future__ import annotations

import io
import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from chalicelib import observability, wiring
from chalicelib.adapters.dynamodb.table import DynamoStore
from chalicelib.settings import BadSettings, Settings
from tests.fakes import FakeClock, FakeStore

ENVIRONMENT = {
    "HOTSWAP_TABLE": "hotswap",
    "HOTSWAP_ARTIFACT_BUCKET": "hotswap-artifacts",
    "HOTSWAP_BUS": "hotswap",
    "HOTSWAP_STATE_MACHINE_ARN": "arn:aws:states:eu-central-1:123456789012:stateMachine:hotswap-deployment",
    "HOTSWAP_SIGNING_SECRET": "hotswap/signing-keys",
}


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    wiring.reset()
    yield
    wiring.reset()


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (ENVIRONMENT | {"AWS_DEFAULT_REGION": "eu-central-1"}).items():
        monkeypatch.setenv(name, value)


def test_every_missing_variable_is_named_at_once():
    with pytest.raises(BadSettings) as caught:
        Settings.from_env({"HOTSWAP_TABLE": "hotswap", "HOTSWAP_BUS": "", "HOTSWAP_HEARTBEAT_MS": "soon"})

    assert caught.value.missing == (
        "HOTSWAP_ARTIFACT_BUCKET",
        "HOTSWAP_BUS",
        "HOTSWAP_STATE_MACHINE_ARN",
        "HOTSWAP_SIGNING_SECRET",
    )
    assert caught.value.senseless == ("HOTSWAP_HEARTBEAT_MS",)
    assert "HOTSWAP_SIGNING_SECRET" in str(caught.value)


def test_what_is_optional_has_a_default():
    settings = Settings.from_env(ENVIRONMENT)

    assert (settings.s3_endpoint, settings.cors_origins) == (None, ())
    assert (settings.stage, settings.heartbeat_ms) == ("local", 1_000)


def test_what_is_optional_is_read():
    optional = {
        "HOTSWAP_S3_ENDPOINT": "http://127.0.0.1:8001",
        "HOTSWAP_CORS_ORIGINS": "https://a.test, https://b.test",
        "HOTSWAP_STAGE": "test",
        "HOTSWAP_HEARTBEAT_MS": "250",
    }

    settings = Settings.from_env(ENVIRONMENT | optional)

    assert settings.s3_endpoint == "http://127.0.0.1:8001"
    assert settings.cors_origins == ("https://a.test", "https://b.test")
    assert (settings.stage, settings.heartbeat_ms) == ("test", 250)


@pytest.mark.usefixtures("environment")
def test_everything_is_made_once_even_when_many_come_first():
    with ThreadPoolExecutor(8) as pool:
        stores = set(pool.map(lambda _: id(wiring.store()), range(32)))

    assert len(stores) == 1
    assert isinstance(wiring.store(), DynamoStore)
    assert wiring.ports().store is wiring.store()


@pytest.mark.usefixtures("environment")
def test_every_part_can_be_made():
    parts = (
        wiring.artifacts,
        wiring.bus,
        wiring.executions,
        wiring.metrics,
        wiring.passwords,
        wiring.signatures,
        wiring.tokens,
    )

    assert all(part() is part() for part in parts)
    assert wiring.new_id()() < wiring.new_id()()


@pytest.mark.usefixtures("environment")
def test_links_are_signed_for_the_address_that_clients_see(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("HOTSWAP_S3_ENDPOINT", "http://127.0.0.1:8001")

    link = wiring.artifacts().download_link("sha256:" + "a" * 64)

    assert link.startswith("http://127.0.0.1:8001/hotswap-artifacts/artifacts/sha256/" + "a" * 64 + "?")


@pytest.mark.usefixtures("environment")
def test_what_is_installed_is_used_by_what_is_made_afterwards():
    wiring.ports()
    clock, store = FakeClock(1_469_918_176_385), FakeStore()

    wiring.install(clock=clock, store=store)

    assert wiring.clock() is clock
    assert wiring.ports().store is store
    assert wiring.new_id()().startswith("01ARYZ6S41")


@pytest.mark.usefixtures("environment")
def test_clients_outlive_an_installation_and_end_with_a_reset():
    before = wiring.clients()

    wiring.install(clock=FakeClock())
    assert wiring.clients() is before

    wiring.reset()
    assert wiring.clients() is not before


def test_only_known_parts_can_be_installed():
    with pytest.raises(TypeError):
        wiring.install(clok=FakeClock())


def test_importing_it_all_needs_no_environment_and_loads_nothing_heavy():
    program = (
        "import sys, chalicelib.wiring, chalicelib.settings, chalicelib.observability\n"
        "heavy = {'boto3', 'botocore', 'jwt', 'cryptography', 'argon2', 'aws_lambda_powertools', 'pydantic'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )

    shown = subprocess.run([sys.executable, "-c", program], env=os.environ, capture_output=True, text=True, check=True)

    assert shown.stdout.strip() == "[]"


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """What was logged, as JSON."""
    stream = io.StringIO()
    handler = observability.logger().handlers[0]
    assert isinstance(handler, logging.StreamHandler)
    before = handler.setStream(stream)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    if before is not None:
        handler.setStream(before)


def test_a_line_is_an_event_name_and_fields(lines: Any):
    observability.log("WaveStarted", deploymentId="01J", wave=2)

    (line,) = lines()
    assert (line["message"], line["deploymentId"], line["wave"]) == ("WaveStarted", "01J", 2)


def test_what_a_request_is_about_is_on_every_line_inside_it_and_on_none_after(lines: Any):
    with observability.about(requestId="r1"):
        observability.log("One")
    observability.log("Two")

    one, two = lines()
    assert one["requestId"] == "r1"
    assert "requestId" not in two


def test_a_failure_is_logged_with_its_type_and_traceback(lines: Any):
    try:
        raise ValueError("broken")
    except ValueError as error:
        observability.log_failure("RequestFailed", error, path="/x")

    (line,) = lines()
    assert (line["level"], line["error"], line["path"]) == ("ERROR", "ValueError", "/x")
    assert "broken" in line["exception"]


def test_secrets_are_withheld_and_their_hashes_are_not(lines: Any):
    observability.log("Woken", taskToken="abc", tokenHash="d" * 64, Authorization="Bearer x", credential="hsn_x")

    (line,) = lines()
    assert (line["taskToken"], line["Authorization"], line["credential"]) == ("withheld",) * 3
    assert line["tokenHash"] == "d" * 64


@pytest.mark.parametrize(
    "address", ["ftp://p", "p:9090", "http://", "http://me:secret@p", "http://p?x=1", "http://p:0"]
)
def test_a_prometheus_server_that_is_no_plain_address_is_refused(address: str) -> None:
    with pytest.raises(BadSettings, match="HOTSWAP_PROMETHEUS_URL"):
        Settings.from_env(ENVIRONMENT | {"HOTSWAP_PROMETHEUS_URL": address})


def test_prometheus_is_a_source_where_a_server_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = Settings.from_env(ENVIRONMENT)
    for settings, names in (
        (plain, {"heartbeat"}),
        (Settings.from_env(ENVIRONMENT | {"HOTSWAP_PROMETHEUS_URL": "http://p:9090"}), {"heartbeat", "prometheus"}),
    ):
        wiring.reset()
        wiring.install(settings=settings)
        assert set(wiring.metric_sources()) == names
    wiring.reset()
