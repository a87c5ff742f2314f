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
"""The name of a secret, not a secret."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """One installation. docs/operations.md lists the variables; `heartbeat_ms` is how often a busy node reports."""

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
    prometheus_url: str | None = None

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """The settings of this process.

        Raises:
            BadSettings: names every variable that is missing or senseless.
        """
        env = os.environ if environ is None else environ
        missing = tuple(name for name in REQUIRED if not env.get(name))
        heartbeat = env.get(HEARTBEAT_MS) or "1000"
        senseless = () if heartbeat.isascii() and heartbeat.isdigit() and int(heartbeat) else (HEARTBEAT_MS,)
        prometheus = env.get(PROMETHEUS_URL) or None
        addresses = () if prometheus is None or _is_address(prometheus) else (PROMETHEUS_URL,)
        if missing or senseless or addresses:
            raise BadSettings(missing, senseless, addresses)
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
            loopback_issuers=env.get(LOOPBACK_ISSUERS) == "true",
            audit_secret=env.get("HOTSWAP_AUDIT_SECRET") or AUDIT_KEYS,
            prometheus_url=prometheus,
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


REQUIRED = (
    "HOTSWAP_TABLE",
    "HOTSWAP_ARTIFACT_BUCKET",
    "HOTSWAP_BUS",
    "HOTSWAP_STATE_MACHINE_ARN",
    "HOTSWAP_SIGNING_SECRET",
)
HEARTBEAT_MS = "HOTSWAP_HEARTBEAT_MS"
LOOPBACK_ISSUERS = "HOTSWAP_LOOPBACK_ISSUERS"
"""Trusted issuers may live on this machine, without TLS. For development and tests."""
PROMETHEUS_URL = "HOTSWAP_PROMETHEUS_URL"
