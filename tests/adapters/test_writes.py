"""How answers of DynamoDB become answers of the store, in the cases no emulator brings about at will."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from chalicelib.adapters.dynamodb import patience
from chalicelib.adapters.dynamodb.items import item_of
from chalicelib.adapters.dynamodb.table import DynamoStore
from chalicelib.domain.deployment import Deployment
from chalicelib.domain.errors import StaleWrite, Unavailable
from chalicelib.usecases.ports import Add, Remove
from tests.builders import a_pending_node, a_turn, an_event


def refusal(code: str, *reasons: str, retries: int = 0, item: Any = None) -> ClientError:
    response: dict[str, Any] = {
        "Error": {"Code": code, "Message": ""},
        "ResponseMetadata": {"RetryAttempts": retries},
        "CancellationReasons": [{"Code": reason} for reason in reasons],
    }
    if item is not None:
        response["Item"] = item
    return ClientError(response, "Write")


class Script:
    """A client that answers every call with the next of its answers."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.calls: list[tuple[str, dict[str, Any]]] = []

    def __getattr__(self, operation: str) -> Any:
        def call(**parameters: Any) -> Any:
            self.calls.append((operation, parameters))
            answer = self.answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer

        return call


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "LONGEST_WAIT_S", 0)


def store_of(script: Script) -> DynamoStore:
    client: Any = script
    return DynamoStore(client, "hotswap")


@pytest.mark.parametrize("code", ["ThrottlingException", "TransactionConflictException", "InternalServerError"])
def test_a_busy_table_is_asked_again(code: str):
    script = Script(refusal(code), refusal(code), {})

    store_of(script).commit(Add(a_turn()))

    assert [operation for operation, _ in script.calls] == ["put_item"] * 3


def test_a_transaction_that_met_another_one_is_tried_again():
    met = refusal("TransactionCanceledException", "None", "TransactionConflict")
    script = Script(met, refusal("TransactionInProgressException"), {})

    store_of(script).commit(Add(a_turn()), Add(an_event()))

    assert len(script.calls) == 3


def test_a_table_that_stays_busy_is_unavailable():
    script = Script(*[refusal("ThrottlingException")] * patience.TRIES)

    with pytest.raises(Unavailable):
        store_of(script).commit(Add(a_turn()))


def test_a_table_that_does_not_answer_is_unavailable():
    with pytest.raises(Unavailable):
        store_of(Script(ReadTimeoutError(endpoint_url="x"))).get(Deployment, "x")


@pytest.mark.parametrize(
    "failure", [refusal("AccessDeniedException"), refusal("TransactionCanceledException", "ValidationError", "None")]
)
def test_any_other_failure_passes_through(failure: ClientError):
    store = store_of(Script(failure))

    with pytest.raises(ClientError):
        store.commit(Add(a_turn()), Add(an_event()))


def test_a_failed_condition_is_final_even_beside_a_busy_item():
    script = Script(refusal("TransactionCanceledException", "TransactionConflict", "ConditionalCheckFailed"))

    with pytest.raises(StaleWrite) as caught:
        store_of(script).commit(Add(a_turn()), Add(an_event()))

    assert caught.value.kind == "Event"
    assert len(script.calls) == 1


def test_the_first_record_whose_condition_failed_is_named():
    failed = refusal("TransactionCanceledException", "None", "ConditionalCheckFailed", "ConditionalCheckFailed")

    with pytest.raises(StaleWrite) as caught:
        store_of(Script(failed)).commit(Add(a_turn()), Remove(a_pending_node()), Add(an_event()))

    assert caught.value.kind == "PendingNode"


def test_a_write_whose_answer_was_lost_is_recognised_as_our_own():
    ours = refusal("ConditionalCheckFailedException", retries=1, item=item_of(a_turn()))

    store_of(Script(ours)).commit(Add(a_turn()))


@pytest.mark.parametrize(("retries", "found"), [(0, item_of(a_turn())), (1, item_of(a_turn(fence=9))), (1, None)])
def test_anybody_elses_write_is_not_taken_for_our_own(retries: int, found: Any):
    theirs = refusal("ConditionalCheckFailedException", retries=retries, item=found)

    with pytest.raises(StaleWrite):
        store_of(Script(theirs)).commit(Add(a_turn()))


def test_one_change_is_a_plain_write_and_names_its_condition():
    script = Script({})

    store_of(script).commit(Remove(a_pending_node()))

    operation, parameters = script.calls[0]
    assert operation == "delete_item"
    assert parameters["ConditionExpression"] == "attribute_exists(pk)"
    assert parameters["ReturnValuesOnConditionCheckFailure"] == "ALL_OLD"


def test_what_a_batch_left_unprocessed_is_written_again():
    events = [an_event(seq=number) for number in range(30)]
    left = {"hotswap": [{"PutRequest": {"Item": item_of(events[3])}}]}
    script = Script({"UnprocessedItems": left}, {}, {})

    store_of(script).add_many(events)

    sizes = [len(parameters["RequestItems"]["hotswap"]) for _, parameters in script.calls]
    assert sizes == [25, 1, 5]


def test_a_batch_that_is_never_processed_is_unavailable():
    left = {"UnprocessedItems": {"hotswap": [{"PutRequest": {"Item": item_of(an_event())}}]}}

    with pytest.raises(Unavailable):
        store_of(Script(*[left] * patience.TRIES)).add_many([an_event()])


def test_the_same_record_twice_in_a_batch_is_written_once():
    script = Script({})

    store_of(script).add_many([an_event(), an_event()])

    assert len(script.calls[0][1]["RequestItems"]["hotswap"]) == 1
