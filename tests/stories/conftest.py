"""A fresh world for every story."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import app as application
from chalicelib import wiring
from chalicelib.domain.access import Role
from chalicelib.usecases.create_user import create_user
from infra.local.cloud import LocalCloud
from infra.local.http_server import LocalHttp
from infra.local.stack import handlers, wired_to
from infra.resources import HOTSWAP
from tests.stories.story_time import StoryTime
from tests.stories.world import World

USERS = {"ada": Role.ADMIN, "dana": Role.DEPLOYER, "amal": Role.APPROVER, "vic": Role.VIEWER, "bo": Role.ADMIN}


class QuickPasswords:
    """Passwords without the slowness that protects them: stories are not about guessing."""

    def hash(self, password: str) -> str:
        return f"plain:{password}"

    def verify(self, password: str, stored: str | None) -> bool:
        return stored == f"plain:{password}"

    def is_outdated(self, stored: str) -> bool:
        return False


@pytest.fixture
def world() -> Iterator[World]:
    time = StoryTime()
    with (
        LocalCloud(timers=time, resources=HOTSWAP, handlers=handlers()) as cloud,
        wired_to(cloud, clock=time),
    ):
        wiring.install(passwords=QuickPasswords())
        http = LocalHttp(application.app)
        tokens = {}
        for user, role in USERS.items():
            create_user(user, "story", (role,), created_by="set-up", passwords=wiring.passwords(), ports=wiring.ports())
            body = {"username": user, "password": "story"}
            answer = http.request("POST", "/api/v1/authentication/login", json=body)
            assert answer.status == 200, answer.body
            tokens[user] = answer.json()["accessToken"]
        yield World(cloud, time, http, tokens)
