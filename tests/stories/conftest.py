"""A fresh world for every story."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pytest

import app as application
from chalicelib import wiring
from chalicelib.domain.access import Role
from chalicelib.usecases.create_user import create_user
from infra.local.cloud import LocalCloud
from infra.local.http_server import LocalHttp
from infra.local.stack import Handler, handlers, wired_to
from infra.resources import HOTSWAP
from tests.canaries import PASSWORD
from tests.fakes import FakeMetrics, FakeStore
from tests.stories.story_time import StoryTime
from tests.stories.world import ORDER, World

USERS = {"ada": Role.ADMIN, "dana": Role.DEPLOYER, "amal": Role.APPROVER, "vic": Role.VIEWER, "bo": Role.ADMIN}

# A bake of a story is three seconds of heartbeats, so levels are followed second by second.
QUICK_ANALYSIS = {"warmUpMs": 0, "levelWindowMs": 1_000, "levelWindows": 2}


class QuickPasswords:
    """Passwords without the slowness that protects them: stories are not about guessing."""

    def hash(self, password: str) -> str:
        return "sha256:" + hashlib.sha256(password.encode()).hexdigest()

    def verify(self, password: str, stored: str | None) -> bool:
        return stored == self.hash(password)

    def is_outdated(self, stored: str) -> bool:
        return False

    def is_common(self, password: str) -> bool:
        return password.startswith("password")


@contextmanager
def a_world(*, on_dynamodb: bool, functions: Mapping[str, Handler] | None = None) -> Iterator[World]:
    """A world of its own: the real routes, state machine and handlers (`functions`, where they are watched).

    Records live in the fake store, which passes the same contract suite as DynamoDB (tests/contracts) and is many
    times as fast; with `on_dynamodb` they live in the table.
    """
    time = StoryTime()
    with (
        LocalCloud(timers=time, resources=HOTSWAP, handlers={**handlers(), **(functions or {})}) as cloud,
        wired_to(cloud, clock=time),
    ):
        wiring.install(passwords=QuickPasswords())
        if not on_dynamodb:
            wiring.install(store=FakeStore(), metrics=FakeMetrics())
        http = LocalHttp(application.app)
        tokens = {}
        for user, role in USERS.items():
            create_user(
                user, PASSWORD, (role,), created_by="set-up", passwords=wiring.passwords(), ports=wiring.ports()
            )
            body = {"username": user, "password": PASSWORD}
            answer = http.request("POST", "/api/v1/authentication/login", json=body)
            assert answer.status == 200, answer.body
            tokens[user] = answer.json()["accessToken"]
        world = World(cloud, time, http, tokens)
        for environment in ORDER[2:]:
            world.has_policy(environment, analysis=QUICK_ANALYSIS)
        yield world


@pytest.fixture
def world() -> Iterator[World]:
    with a_world(on_dynamodb=False) as world:
        yield world


@pytest.fixture
def world_on_dynamodb() -> Iterator[World]:
    with a_world(on_dynamodb=True) as world:
        yield world
