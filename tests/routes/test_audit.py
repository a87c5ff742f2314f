"""The audit over HTTP."""

from __future__ import annotations

import dataclasses

import pytest

from chalicelib.domain.timeline import AuditRecord
from chalicelib.usecases.ports import Replace
from tests.routes.conftest import Api

HERE = "/api/v1/audit"


def test_the_records_of_a_subject_are_chained_and_whole(api: Api) -> None:
    execution = api.has_deployment()
    api.ok("dana", "POST", f"/api/v1/deployments/{execution}/cancel")

    records = api.ok("ada", "GET", f"{HERE}?subject={execution}")["records"]
    check = api.ok("ada", "GET", f"{HERE}/verify?subject={execution}")

    assert [(each["seq"], each["actor"]) for each in records] == [(1, "dana"), (2, "dana"), (3, "dana")]
    assert [each["previousHash"] for each in records[1:]] == [each["hash"] for each in records[:-1]]
    assert check == {
        "subject": execution,
        "isWhole": True,
        "records": 3,
        "brokenAt": None,
        "lastHash": records[-1]["hash"],
        "sealedUpTo": 0,
        "faults": [],
    }


def test_a_subject_is_read_in_parts(api: Api) -> None:
    execution = api.has_deployment()
    api.ok("dana", "POST", f"/api/v1/deployments/{execution}/cancel")

    first = api.ok("ada", "GET", f"{HERE}?subject={execution}&limit=2")
    rest = api.ok("ada", "GET", f"{HERE}?subject={execution}&after={first['nextAfter']}")

    assert [each["seq"] for each in rest["records"]] == [3]


def test_a_record_that_was_changed_is_found(api: Api) -> None:
    execution = api.has_deployment()
    api.ok("dana", "POST", f"/api/v1/deployments/{execution}/cancel")
    second = api.store.list(AuditRecord, execution)[1]
    api.store.commit(Replace(dataclasses.replace(second, actor="somebody", revision=second.revision + 1)))

    check = api.ok("ada", "GET", f"{HERE}/verify?subject={execution}")

    assert (check["isWhole"], check["brokenAt"]) == (False, 2)


def test_a_day_shows_everything_newest_first(api: Api) -> None:
    api.has_node()

    records = api.ok("ada", "GET", f"{HERE}?day=2026-09-21&limit=100")["records"]

    assert {"UserCreated", "LoggedIn", "EnrolTokenMade", "NodeEnrolled"} <= {each["action"] for each in records}
    assert api.ok("ada", "GET", f"{HERE}?day=2026-09-20")["records"] == []


@pytest.mark.parametrize("query", ["", "?subject=a&day=2026-09-21", "?day=2026-02-30", "?day=today", "?subject="])
def test_one_subject_or_one_day_must_be_named(api: Api, query: str) -> None:
    assert api.call("GET", HERE + query, user="ada").status == 400


def test_no_secret_is_in_the_audit(api: Api) -> None:
    _, credential = api.has_node()

    records = api.ok("ada", "GET", f"{HERE}?day=2026-09-21&limit=100")

    assert credential not in str(records)
    assert "hse_" not in str(records)
