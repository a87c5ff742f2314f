"""What the environment tells the program, read on first use, all mistakes named at once."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit


class BadSettings(Exception):
    """Environment variables are missing or senseless; nothing can run."""

    def __init__(self, missing: tuple[str, ...], senseless: tuple[str, ...], addresses: tuple[str, ...] = ()) -> None:
        self.missing, self.senseless, self.addresses = missing, senseless, addresses
        parts = [f"not set: {', '.join(missing)}"] if missing else []
        parts += [f"not a whole number above zero: {', '.join(senseless)}"] if senseless else []
        parts += [f"not an http or https address: {', '.join(addresses)}"] if addresses else []
        super().__init__(f"Environment variables {'; '.join(parts)}.")


AUDIT_KEYS = "hotswap/audit-keys"
AUDIT_PUBLIC_KEYS = "hotswap/audit-public-keys"
"""Names of secrets, not secrets."""


class UnsafeSettings(Exception):
    """Settings that are fine on a laptop and dangerous where it counts; nothing runs with them."""

    def __init__(self, points: tuple[str, ...]) -> None:
        self.points = points
        super().__init__(f"This installation would not be safe: {'; '.join(points)}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """One installation. docs/operations.md lists the variables; `heartbeat_ms` is how often a busy node reports.

    `outbound_loopback` lets users' addresses be on this machine; `metrics_period_ms` is how fine CloudWatch counts calls
    of functions, and what is younger than `metrics_settle_ms` may be incomplete. No variable sets these three: only the
    cloud on your machine is otherwise.
    """

    table: str
    artifact_bucket: str
    bus: str
    state_machine_arn: str
    signing_secret: str
    s3_endpoint: str | None = None
    dead_letters: str | None = None
    cors_origins: tuple[str, ...] = ()
    stage: str = "local"
    heartbeat_ms: int = 1_000
    loopback_issuers: bool = False
    audit_secret: str = AUDIT_KEYS
    audit_public_secret: str = AUDIT_PUBLIC_KEYS
    prometheus_url: str | None = None
    limits_percent: int = 0
    public_url: str = ""
    master_secret: str = "hotswap/master-key"  # noqa: S105 (its name)
    hooks_function: str = "hooks"
    events_function: str = "events"
    lambda_nodes_function: str = "lambda_nodes"
    outbound_loopback: bool = False
    metrics_period_ms: int = 60_000
    metrics_settle_ms: int = 120_000

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """The settings of this process.

        Raises:
            BadSettings: names every variable that is missing or senseless.
            UnsafeSettings: names everything that must not be so outside of one's own machine.
        """
        env = os.environ if environ is None else environ
        missing = tuple(name for name in REQUIRED if not env.get(name))
        heartbeat = env.get(HEARTBEAT_MS) or "1000"
        senseless = () if heartbeat.isascii() and heartbeat.isdigit() and int(heartbeat) else (HEARTBEAT_MS,)
        percent = env.get(LIMITS_PERCENT) or "0"
        if not (percent.isascii() and percent.isdigit()):
            senseless = (*senseless, LIMITS_PERCENT)
        prometheus = env.get(PROMETHEUS_URL) or None
        addresses = () if prometheus is None or _is_address(prometheus) else (PROMETHEUS_URL,)
        if missing or senseless or addresses:
            raise BadSettings(missing, senseless, addresses)
        points = unsafe_points(env)
        if points:
            raise UnsafeSettings(points)
        return cls(
            table=env["HOTSWAP_TABLE"],
            artifact_bucket=env["HOTSWAP_ARTIFACT_BUCKET"],
            bus=env["HOTSWAP_BUS"],
            state_machine_arn=env["HOTSWAP_STATE_MACHINE_ARN"],
            signing_secret=env["HOTSWAP_SIGNING_SECRET"],
            dead_letters=env.get("HOTSWAP_DEAD_LETTERS") or None,
            s3_endpoint=env.get("HOTSWAP_S3_ENDPOINT") or None,
            cors_origins=origins_of(env),
            stage=env.get("HOTSWAP_STAGE") or "local",
            heartbeat_ms=int(heartbeat),
            limits_percent=int(percent),
            loopback_issuers=env.get(LOOPBACK_ISSUERS) == "true",
            audit_secret=env.get("HOTSWAP_AUDIT_SECRET") or AUDIT_KEYS,
            audit_public_secret=env.get("HOTSWAP_AUDIT_PUBLIC_SECRET") or AUDIT_PUBLIC_KEYS,
            prometheus_url=prometheus,
            public_url=(env.get("HOTSWAP_PUBLIC_URL") or "").rstrip("/"),
            master_secret=env.get("HOTSWAP_MASTER_SECRET") or "hotswap/master-key",
            hooks_function=env.get("HOTSWAP_HOOKS_FUNCTION") or "hooks",
            events_function=env.get("HOTSWAP_EVENTS_FUNCTION") or "events",
            lambda_nodes_function=env.get("HOTSWAP_LAMBDA_NODES_FUNCTION") or "lambda_nodes",
        )


def origins_of(environ: Mapping[str, str]) -> tuple[str, ...]:
    """The sites whose scripts may call the API, separated by commas in `HOTSWAP_CORS_ORIGINS`; none when it is empty."""
    return tuple(filter(None, map(str.strip, environ.get("HOTSWAP_CORS_ORIGINS", "").split(","))))


def _is_address(text: str) -> bool:
    """Whether it is the base of a server's address: no credentials, no query."""
    try:
        parts = urlsplit(text)
        return (
            parts.scheme in ("http", "https")
            and bool(parts.hostname)
            and parts.port != 0
            and not (parts.username or parts.password or parts.query or parts.fragment)
        )
    except ValueError:
        return False


def unsafe_points(env: Mapping[str, str]) -> tuple[str, ...]:
    """Everything about the environment that is not safe, in words; nothing on one's own machine.

    A function in AWS is never "local", whatever it is told: forgetting to name the stage makes nothing unsafe.
    """
    stage = env.get("HOTSWAP_STAGE") or "local"
    in_lambda = bool(env.get("AWS_LAMBDA_FUNCTION_NAME"))
    if not in_lambda and stage in LOCAL_STAGES:
        return ()
    origins = [each.strip() for each in env.get("HOTSWAP_CORS_ORIGINS", "").split(",") if each.strip()]
    endpoints = sorted(name for name in env if name.startswith("AWS_ENDPOINT_URL") and env[name])
    wrong: dict[str, bool] = {
        "HOTSWAP_STAGE names no stage, or a local one": stage in LOCAL_STAGES,
        "HOTSWAP_S3_ENDPOINT sends artifacts elsewhere than to S3": bool(env.get("HOTSWAP_S3_ENDPOINT")),
        f"{', '.join(endpoints)} sends calls elsewhere than to AWS": bool(endpoints),
        "HOTSWAP_CORS_ORIGINS allows every site": any("*" in each or each == "null" for each in origins),
        "HOTSWAP_CORS_ORIGINS allows a site without TLS": any(not each.startswith("https://") for each in origins),
        f"{LOOPBACK_ISSUERS} trusts issuers without TLS": bool(env.get(LOOPBACK_ISSUERS)),
        "HOTSWAP_TIME_SCALE makes time run faster": env.get("HOTSWAP_TIME_SCALE", "1") not in ("", "1", "1.0"),
        "the log level is DEBUG, which writes what callers send": any(
            env.get(name, "").upper() in ("DEBUG", "TRACE") for name in _LOG_LEVELS
        ),
        "POWERTOOLS_LOGGER_LOG_EVENT writes whole requests, secrets included": _is_on(
            env.get("POWERTOOLS_LOGGER_LOG_EVENT", "")
        ),
        "POWERTOOLS_DEV, PYTHONDEVMODE or PYTHONASYNCIODEBUG is on": any(_is_on(env.get(name, "")) for name in _DEBUG),
        "PYTHONHTTPSVERIFY lets any certificate pass": env.get("PYTHONHTTPSVERIFY") == "0",
    }
    return tuple(point for point, holds in wrong.items() if holds)


def _is_on(value: str) -> bool:
    return value.lower() in ("1", "true", "yes", "on", "y", "t")


LOCAL_STAGES = ("local", "test")
_LOG_LEVELS = ("POWERTOOLS_LOG_LEVEL", "LOG_LEVEL", "AWS_LAMBDA_LOG_LEVEL")
_DEBUG = ("POWERTOOLS_DEV", "PYTHONDEVMODE", "PYTHONASYNCIODEBUG")

REQUIRED = (
    "HOTSWAP_TABLE",
    "HOTSWAP_ARTIFACT_BUCKET",
    "HOTSWAP_BUS",
    "HOTSWAP_STATE_MACHINE_ARN",
    "HOTSWAP_SIGNING_SECRET",
)
HEARTBEAT_MS = "HOTSWAP_HEARTBEAT_MS"
LIMITS_PERCENT = "HOTSWAP_LIMITS_PERCENT"
"""Count requests in this process, against this share of the limits; 0 where a gateway counts them."""

LOOPBACK_ISSUERS = "HOTSWAP_LOOPBACK_ISSUERS"
"""Trusted issuers may live on this machine, without TLS. For development and tests."""
PROMETHEUS_URL = "HOTSWAP_PROMETHEUS_URL"
