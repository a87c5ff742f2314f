"""The whole system on this machine: the cloud, the API on a port, its first users, and what was there before a restart."""

from __future__ import annotations

import json
import logging
import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import app as application
from chalicelib import observability, wiring
from chalicelib.adapters.aws_clients import AwsClients
from chalicelib.domain.access import Role
from chalicelib.settings import Settings, origins_of
from chalicelib.usecases.create_user import create_user
from chalicelib.usecases.forgive_silence import forgive_silence
from chalicelib.usecases.ports import Clock
from chalicelib.usecases.reconcile import reconcile
from infra.local.api_client import ApiClient
from infra.local.cloud import LocalCloud
from infra.local.garbage import garbage_is_looked_for_rarely
from infra.local.http_server import HttpServer
from infra.local.policy_time import PolicyTime
from infra.local.sessions import core_session_with_shared_models
from infra.local.timers import RealTimers
from infra.resources import HOTSWAP

USERS = {
    "ada": (Role.ADMIN,),
    "dana": (Role.DEPLOYER,),
    "amal": (Role.APPROVER,),
    "vic": (Role.VIEWER,),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class StackSettings:
    """Where the stack listens and keeps its state; `time_scale` speeds policy time up. Port 0 is any free one.
    The scripts of `cors_origins` may call the API."""

    data_dir: Path
    api_port: int = 8000
    emulator_port: int = 8001
    node_port: int = 8100
    time_scale: float = 1.0
    cors_origins: tuple[str, ...] = ()
    limits_percent: int = 100

    @classmethod
    def from_env(cls, data_dir: Path) -> StackSettings:
        """The defaults, where `HOTSWAP_API_PORT` and its sisters say nothing else."""
        return cls(
            data_dir=data_dir,
            api_port=int(os.environ.get("HOTSWAP_API_PORT", "8000")),
            emulator_port=int(os.environ.get("HOTSWAP_EMULATOR_PORT", "8001")),
            node_port=int(os.environ.get("HOTSWAP_NODE_PORT", "8100")),
            time_scale=float(os.environ.get("HOTSWAP_TIME_SCALE", "1")),
            cors_origins=origins_of(os.environ),
            limits_percent=int(os.environ.get("HOTSWAP_LIMITS_PERCENT", "100")),
        )


Handler = Callable[[Any, Any], Any]


def handlers() -> Mapping[str, Handler]:
    """The code of the functions: what Lambda would call, called here."""
    return {
        "api": application.app,
        "steps": application.steps,
        "events": application.events,
        "hooks": application.hooks,
        "sweeps": application.sweeps,
        "lambda_nodes": application.lambda_nodes,
    }


@contextmanager
def wired_to(
    cloud: LocalCloud,
    *,
    clock: Clock,
    s3_endpoint: str | None = None,
    cors_origins: tuple[str, ...] = (),
    limits_percent: int = 0,
) -> Iterator[None]:
    """The program of this process works on this cloud while the context is open. Issuers may live on this machine."""
    resources = cloud.resources
    settings = Settings(
        table=resources.tables[0].name,
        artifact_bucket=resources.buckets[0].name,
        bus=resources.buses[0].name,
        state_machine_arn=cloud.outputs[resources.state_machines[0].name],
        signing_secret=resources.secrets[0].name,
        s3_endpoint=s3_endpoint,
        dead_letters=cloud.outputs[resources.queues[0].name],
        cors_origins=cors_origins,
        loopback_issuers=True,
        limits_percent=limits_percent,
        outbound_loopback=True,
        metrics_period_ms=1_000,
        metrics_settle_ms=0,
    )
    wiring.reset()
    wiring.install(settings=settings, clock=clock, clients=AwsClients(core_session_with_shared_models()))
    try:
        yield
    finally:
        wiring.reset()


class LocalClock:
    """Machine time as the wall shows it, policy time at the stack's scale."""

    def __init__(self, policy: PolicyTime, timers: RealTimers) -> None:
        self._policy = policy
        self._timers = timers

    def machine_ms(self) -> int:
        """Milliseconds since the epoch."""
        return self._timers.now_ms()

    def policy_ms(self) -> int:
        """The same, faster."""
        return self._policy.now_ms()


class LocalStack:
    """Everything but the nodes, which are processes of their own. Use it as a context manager.

    `timers` are those of this machine, unless a test brings others.
    """

    def __init__(self, settings: StackSettings, *, timers: RealTimers | None = None) -> None:
        self.settings = settings
        self._timers = timers or RealTimers(settings.time_scale)
        self.passwords: dict[str, str] = {}
        self.is_first_start = not (settings.data_dir / "users.json").exists()
        self._stack = ExitStack()
        self.cloud: LocalCloud
        self.server: HttpServer
        self.url = ""

    def __enter__(self) -> LocalStack:
        try:
            self._start()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_exc: object) -> None:
        self._stack.close()

    def client(self, user: str) -> ApiClient:
        """The API as one of the users, logged in."""
        return ApiClient(base_url=self.url, username=user, password=self.passwords[user]).log_in()

    def _start(self) -> None:
        settings = self.settings
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        for noisy in ("werkzeug", "waitress", "waitress.queue"):
            logging.getLogger(noisy).setLevel(logging.ERROR)
        self._log_to(settings.data_dir / "hotswap.log")
        timers = self._timers
        clock = LocalClock(PolicyTime(settings.data_dir, settings.time_scale, wall_ms=timers.now_ms), timers)
        self.cloud = LocalCloud(
            timers=timers,
            resources=HOTSWAP,
            handlers=handlers(),
            data_dir=settings.data_dir,
            emulator_port=settings.emulator_port,
            tick=True,
            # Here CloudWatch has every second at once, so there is something to see sooner than in a minute.
            sooner={"hotswap-lambda-nodes": 1.0},
        )
        self._stack.enter_context(self.cloud)
        wired = wired_to(
            self.cloud,
            clock=clock,
            s3_endpoint=self.cloud.endpoint_url,
            cors_origins=settings.cors_origins,
            limits_percent=settings.limits_percent,
        )
        self._stack.enter_context(wired)
        self._create_users()
        self.server = HttpServer(application.app, port=settings.api_port).start()
        self._stack.callback(self.server.stop)
        self.url = self.server.url
        wiring.install(settings=replace(wiring.settings(), public_url=self.url))
        # What was unfinished when the last process died goes on now, not at the next sweep.
        forgive_silence(ports=wiring.ports())
        reconcile(grace_ms=0, ports=wiring.ports())
        self._stack.enter_context(garbage_is_looked_for_rarely())

    def _log_to(self, file: Path) -> None:
        """What Lambda would send to CloudWatch goes to a file, so that the terminal is for people."""
        handler = observability.logger().registered_handler
        if not isinstance(handler, logging.StreamHandler):
            raise TypeError(f"the log goes to a {type(handler).__name__}, which cannot be turned to a file")
        before = handler.setStream(self._stack.enter_context(file.open("a", encoding="utf-8")))
        self._stack.callback(handler.setStream, before)

    def _create_users(self) -> None:
        file = self.settings.data_dir / "users.json"
        if file.exists():
            self.passwords = json.loads(file.read_text())
            return
        self.passwords = {user: secrets.token_urlsafe(12) for user in USERS}
        for user, roles in USERS.items():
            create_user(
                user,
                self.passwords[user],
                roles,
                created_by="set-up",
                passwords=wiring.passwords(),
                ports=wiring.ports(),
            )
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as stream:
            json.dump(self.passwords, stream)
