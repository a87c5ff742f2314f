"""What the functions do they may do, and what they may do they do: calls of a whole run against their policies."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from infra.local.cloud import LocalCloud
from infra.local.http_server import LocalHttp
from infra.permissions import PERMISSIONS, Grant, Use, arn
from tests.aws.recorder import Recorder, as_function, links_are_recorded, named
from tests.aws.working_day import Day, first_key_by_hooks
from tests.stories import conftest as stories

Calls = frozenset[tuple[str, str, str]]


@pytest.fixture(scope="module")
def recorded() -> Iterator[Calls]:
    """Every call, and every link that was signed, of a run in which each function does all it is there for."""
    with pytest.MonkeyPatch.context() as patched:
        handlers, request, wired = stories.handlers, LocalHttp.request, stories.wired_to
        recorders: list[Recorder] = []

        def as_api(self: Any, *arguments: Any, **more: Any) -> Any:
            with as_function("api"):
                return request(self, *arguments, **more)

        @contextmanager
        def recorded_and_wired(cloud: LocalCloud, **more: Any) -> Iterator[None]:
            recorders.append(Recorder(cloud))
            with wired(cloud, **more), links_are_recorded(recorders[-1]):
                yield

        patched.setattr(stories, "handlers", lambda: named(handlers()))
        patched.setattr(stories, "wired_to", recorded_and_wired)
        patched.setattr(LocalHttp, "request", as_api)
        with stories.a_world(on_dynamodb=True) as world:
            Day(world).live()
            first_key_by_hooks(world)
        yield frozenset(recorders[0].calls)


def test_m02_every_call_of_every_function_is_allowed(recorded: Calls) -> None:
    assert {function for function, _, _ in recorded} == set(PERMISSIONS)
    assert sorted(call for call in recorded if not _is_allowed(*call)) == []


def test_m02_nothing_more_is_allowed_than_is_called(recorded: Calls) -> None:
    allowed = [
        (function, action, resource)
        for function, grants in PERMISSIONS.items()
        for grant in grants
        if grant.use is not Use.PLATFORM
        for action in grant.actions
        for resource in grant.resources
    ]

    never = [each for each in allowed if not any(_meets(call, *each) for call in recorded)]

    assert never == []


def test_m02_what_the_platform_does_for_a_function_says_so_and_is_called_by_no_code(recorded: Calls) -> None:
    platform = [(f, grant) for f, grants in PERMISSIONS.items() for grant in grants if grant.use is Use.PLATFORM]

    assert [(function, grant.sid) for function, grant in platform if not grant.why] == []
    assert [call for call in recorded for function, grant in platform if _is_of(grant, function, call)] == []


@pytest.mark.parametrize("function", PERMISSIONS)
def test_m02_no_call_is_allowed_twice(function: str) -> None:
    granted = [
        (action, each) for grant in PERMISSIONS[function] for action in grant.actions for each in grant.resources
    ]

    assert len(granted) == len(set(granted))


def test_a_call_that_no_policy_allows_is_found() -> None:
    assert not _is_allowed("hooks", "dynamodb:GetItem", "arn:aws:dynamodb:us-east-1:123456789012:table/hotswap")
    assert not _is_allowed("api", "dynamodb:Scan", "arn:aws:dynamodb:us-east-1:123456789012:table/hotswap")
    assert not _is_allowed("api", "dynamodb:GetItem", "arn:aws:dynamodb:us-east-1:123456789012:table/other")


def _is_allowed(function: str, action: str, resource: str) -> bool:
    return any(_is_of(grant, function, (function, action, resource)) for grant in PERMISSIONS[function])


def _is_of(grant: Grant, function: str, call: tuple[str, str, str]) -> bool:
    return any(_meets(call, function, action, each) for action in grant.actions for each in grant.resources)


def _meets(call: tuple[str, str, str], function: str, action: str, resource: str) -> bool:
    """Whether a call is one of those that an action on a resource allows a function."""
    return call[:2] == (function, action) and fnmatch.fnmatchcase(call[2], arn(resource, function=function, stage=None))
