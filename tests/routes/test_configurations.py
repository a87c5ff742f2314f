"""Configuration over HTTP: revisions, who may, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from tests.routes.conftest import Api

ONE = "/api/v1/modules/payment-processor/configuration/Production"


@pytest.fixture
def registered(api: Api) -> Api:
    api.has_version("1.0.0")
    return api


def test_each_change_is_a_revision_and_the_same_again_is_none(registered: Api) -> None:
    first = registered.ok(
        "dana", "PUT", ONE, {"values": {"b": 1, "a": 0.5}, "runsOn": {"zone": "a"}, "reason": "PAY-17"}
    )
    same = registered.ok("dana", "PUT", ONE, {"values": {"a": 0.5, "b": 1}, "runsOn": {"zone": "a"}})
    second = registered.ok("dana", "PUT", ONE, {"values": {"a": 2}})

    assert [each["revision"] for each in (first, same, second)] == [1, 1, 2]
    assert (first["values"], first["runsOn"], first["changedBy"]) == ({"a": 0.5, "b": 1}, {"zone": "a"}, "dana")
    listed = registered.ok("vic", "GET", f"{ONE}/revisions")["revisions"]
    assert [each["revision"] for each in listed] == [2, 1]
    assert registered.ok("vic", "GET", f"{ONE}/revisions?before=2")["revisions"] == [listed[1]]


def test_where_nothing_was_configured_the_revision_is_zero(registered: Api) -> None:
    found = registered.call("GET", ONE, user="vic")

    assert (found.json()["revision"], found.json()["values"], found.header("ETag")) == (0, {}, '"0"')


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"values": {"x": "y" * 17_000}}, 400),
        ({"values": [1]}, 400),
        ({"values": {}, "runsOn": {"": "a"}}, 400),
        ({"values": {"a": 1}, "expectedRevision": 3}, 409),
        ({"secret": 1}, 400),
    ],
)
def test_what_breaks_a_rule_changes_nothing(registered: Api, body: dict[str, Any], status: int) -> None:
    assert registered.call("PUT", ONE, body, user="dana").status == status
    assert registered.ok("vic", "GET", ONE)["revision"] == 0


def test_a_module_nobody_registered_cannot_be_configured(api: Api) -> None:
    assert api.call("PUT", ONE, {"values": {}}, user="dana").status == 404


def test_if_match_names_the_revision_that_is_changed(registered: Api) -> None:
    registered.ok("dana", "PUT", ONE, {"values": {"a": 1}})

    late = registered.call("PUT", ONE, {"values": {"a": 2}}, user="dana", headers={"If-Match": '"0"'})
    right = registered.call("PUT", ONE, {"values": {"a": 2}}, user="dana", headers={"If-Match": '"1"'})

    assert (late.status, right.status, right.header("ETag")) == (409, 200, '"2"')
