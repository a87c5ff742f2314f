"""Labels and repeated enrolment over HTTP."""

from __future__ import annotations

from typing import Any

from tests.routes.conftest import Api
from tests.routes.test_nodes import beat

TOKENS = "/api/v1/clusters/Production/nodes/enrol-tokens"


def enrol(api: Api, token: str, **more: Any) -> Any:
    return api.call("POST", "/api/v1/nodes/enrol", {"token": token, "name": "production-01", **more})


def test_the_labels_of_a_token_count_before_those_a_node_gives_itself(api: Api) -> None:
    token = api.ok("ada", "POST", TOKENS, {"labels": {"zone": "a"}})["token"]

    node = enrol(api, token, labels={"zone": "b", "rack": "7"}).json()["nodeId"]

    assert api.ok("vic", "GET", f"/api/v1/nodes/{node}")["labels"] == {"zone": "a", "rack": "7"}


def test_an_admin_labels_a_node_and_its_history_says_who(api: Api) -> None:
    node, _ = api.has_node("Production")

    labelled = api.ok("ada", "PUT", f"/api/v1/nodes/{node}/labels", {"labels": {"zone": "b"}, "reason": "moved"})
    api.ok("ada", "PUT", f"/api/v1/nodes/{node}/labels", {"labels": {"zone": "b"}})

    changes = api.ok("vic", "GET", f"/api/v1/nodes/{node}/history")["changes"]
    assert labelled["labels"] == {"zone": "b"}
    assert [(each["what"], each["by"], each["reason"]) for each in changes] == [
        ("Labelled", "ada", "moved"),
        ("Enrolled", "ada", ""),
    ]


def test_an_enrolment_whose_answer_was_lost_is_repeated_with_its_nonce_until_the_node_has_reported(api: Api) -> None:
    token = api.ok("ada", "POST", TOKENS, {})["token"]
    nonce = "n" * 32
    lost = enrol(api, token, nonce=nonce).json()

    other = enrol(api, token, nonce="m" * 32)
    without = enrol(api, token)
    again = enrol(api, token, nonce=nonce)
    node, credential = again.json()["nodeId"], again.json()["credential"]
    old = beat(api, node, lost["credential"])
    new = beat(api, node, credential)
    after = enrol(api, token, nonce=nonce)

    assert (other.status, without.status, again.status, node) == (401, 401, 201, lost["nodeId"])
    assert (old.status, new.status, after.status) == (401, 200, 401)


def test_what_no_node_is_called_has_no_history(api: Api) -> None:
    assert api.call("GET", "/api/v1/nodes/p-01J00000000000000000000099/history", user="vic").status == 404
