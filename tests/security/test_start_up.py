"""What is dangerous where it counts keeps the program from starting, every point named at once. Row M03."""

from __future__ import annotations

import pytest

from chalicelib import wiring
from chalicelib.settings import Settings, UnsafeSettings

SAFE = {
    "HOTSWAP_TABLE": "hotswap",
    "HOTSWAP_ARTIFACT_BUCKET": "artifacts",
    "HOTSWAP_BUS": "hotswap",
    "HOTSWAP_STATE_MACHINE_ARN": "arn",
    "HOTSWAP_SIGNING_SECRET": "hotswap/signing-keys",
    "HOTSWAP_STAGE": "production",
    "HOTSWAP_CORS_ORIGINS": "https://console.example.com",
    "AWS_LAMBDA_FUNCTION_NAME": "api",
}
UNSAFE = {
    "HOTSWAP_STAGE": ("local", "names no stage"),
    "HOTSWAP_S3_ENDPOINT": ("http://127.0.0.1:8001", "elsewhere than to S3"),
    "AWS_ENDPOINT_URL_DYNAMODB": ("http://127.0.0.1:8001", "elsewhere than to AWS"),
    "HOTSWAP_CORS_ORIGINS": ("http://console.example.com", "without TLS"),
    "HOTSWAP_LOOPBACK_ISSUERS": ("true", "issuers without TLS"),
    "HOTSWAP_TIME_SCALE": ("300", "time run faster"),
    "POWERTOOLS_LOG_LEVEL": ("debug", "DEBUG"),
    "POWERTOOLS_LOGGER_LOG_EVENT": ("true", "whole requests"),
    "PYTHONDEVMODE": ("1", "PYTHONDEVMODE"),
    "PYTHONHTTPSVERIFY": ("0", "certificate"),
}


def test_m03_a_safe_installation_starts() -> None:
    assert Settings.from_env(SAFE).stage == "production"


@pytest.mark.parametrize("name", UNSAFE)
def test_m03_each_dangerous_setting_alone_refuses_the_start(name: str) -> None:
    value, told = UNSAFE[name]

    with pytest.raises(UnsafeSettings, match=told) as caught:
        Settings.from_env(SAFE | {name: value})
    assert len(caught.value.points) == 1


def test_m03_all_of_them_are_named_at_once() -> None:
    everything = {name: value for name, (value, _) in UNSAFE.items()}

    with pytest.raises(UnsafeSettings) as caught:
        Settings.from_env(SAFE | everything)

    assert len(caught.value.points) == len(UNSAFE)
    assert all(told in str(caught.value) for _, told in UNSAFE.values())


@pytest.mark.parametrize("origin", ["*", "null", "https://*.example.com"])
def test_m03_no_site_is_everybody(origin: str) -> None:
    with pytest.raises(UnsafeSettings, match="every site"):
        Settings.from_env(SAFE | {"HOTSWAP_CORS_ORIGINS": origin})


def test_m03_a_function_that_nobody_told_its_stage_is_not_taken_for_a_laptop() -> None:
    untold = {name: value for name, value in SAFE.items() if name != "HOTSWAP_STAGE"}

    with pytest.raises(UnsafeSettings, match="names no stage"):
        Settings.from_env(untold)


def test_m03_on_ones_own_machine_all_of_it_is_fine() -> None:
    local = {name: value for name, (value, _) in UNSAFE.items()}
    own = {name: value for name, value in SAFE.items() if name != "AWS_LAMBDA_FUNCTION_NAME"}

    assert Settings.from_env(own | local).stage == "local"


def test_m03_the_program_serves_nothing_with_them(monkeypatch: pytest.MonkeyPatch) -> None:
    region = {"AWS_DEFAULT_REGION": "eu-central-1"}
    for name, value in (SAFE | region | {"POWERTOOLS_LOG_LEVEL": "DEBUG"}).items():
        monkeypatch.setenv(name, value)
    wiring.reset()

    with pytest.raises(UnsafeSettings):
        wiring.ports()
    wiring.reset()
