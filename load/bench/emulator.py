"""What each speed-up of the local cloud's table saves: the same calls with and without it, in turns."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

import boto3
import botocore.session
from botocore.config import Config
from moto import mock_aws

from chalicelib.adapters.dynamodb.items import item_of
from chalicelib.adapters.plain_items import PlainItemParsers
from infra.local.repairs import calls, dynamodb_indexes, dynamodb_items, dynamodb_reads, dynamodb_speed
from infra.local.sessions import session_with_shared_models
from load.bench.repeated import paired
from tests.builders import a_deployment

TIMES, REPETITIONS, PAGE, KEPT = 50, 9, 20, 500

Repair = Callable[[], AbstractContextManager[None]]

REPAIRS: dict[str, Repair] = {
    "answers are written as they are": dynamodb_speed.answers_are_written_as_they_are,
    "requests are read as they are": dynamodb_speed.requests_are_read_as_they_are,
    "actions are looked up once": dynamodb_speed.actions_are_looked_up_once,
    "items become JSON at once": dynamodb_speed.items_become_json_at_once,
    "table calls are not signed": calls.table_calls_are_not_signed,
    "table calls take the short way": dynamodb_speed.table_calls_take_the_short_way,
}

WRITES: dict[str, Repair] = {
    "new items are measured once": dynamodb_speed.new_items_are_measured_once,
    "conditions are parsed once": dynamodb_speed.conditions_are_parsed_once,
}

RANGES: dict[str, Repair] = {
    "queries look at one partition": dynamodb_indexes.queries_look_at_one_partition,
    "changes are journaled": dynamodb_items.changes_are_journaled,
    "plain reads are answered at once": dynamodb_reads.plain_reads_are_answered_at_once,
}


def measure() -> dict[str, Any]:
    """One consistent read of a deployment: with all but one of them, beside with all. And what the program's own clients
    do otherwise than boto3's usual ones, which counts on AWS too: the same read, and a page of twenty deployments."""
    found = {}
    with mock_aws(), patch("boto3.DEFAULT_SESSION", session_with_shared_models()):
        client, usual = _client(user_agent="hotswap"), _client()
        _fill(client)
        read = _read(client)
        for name in REPAIRS:
            found[name] = _compared(read, [*REPAIRS], [each for each in REPAIRS if each != name])
        write, fewer = _write(client), [*REPAIRS, *WRITES]
        for name in WRITES:
            found[f"a write: {name}"] = _compared(write, fewer, [each for each in fewer if each != name])
        ranges = [*REPAIRS, *RANGES]
        for what, kept in ((f"a page of {PAGE} of {KEPT}", "many"), (f"a page of {PAGE} of {PAGE}", "p")):
            found[f"{what}: {ranges[-1]}"] = _compared(_page(client, kept), ranges, ranges[:-1])
        found["all of them"] = _compared(read, [*REPAIRS], [])
        with _all([*REPAIRS]):
            agent = paired(read, _read(usual), times=TIMES, repetitions=REPETITIONS)
            plain = paired(_page(_client(plain=True)), _page(usual), times=TIMES, repetitions=REPETITIONS)
    found["our clients: one word for a user agent, a read"] = agent
    found["our clients: items are left as they come, a page of twenty"] = plain
    return {"read": found}


def _client(*, user_agent: str | None = None, plain: bool = False) -> Any:
    session = botocore.session.Session()
    if plain:
        session.register_component("response_parser_factory", PlainItemParsers())
    config = Config(parameter_validation=False, user_agent=user_agent)
    return boto3.Session(botocore_session=session).client("dynamodb", region_name="us-east-1", config=config)


def _fill(client: Any) -> None:
    keys = [{"AttributeName": name, "KeyType": kind} for name, kind in (("pk", "HASH"), ("sk", "RANGE"))]
    attributes = [{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")]
    client.create_table(TableName="t", KeySchema=keys, AttributeDefinitions=attributes, BillingMode="PAY_PER_REQUEST")
    for number in range(PAGE):
        client.put_item(TableName="t", Item=item_of(a_deployment()) | {"pk": {"S": "p"}, "sk": {"S": f"{number:02d}"}})
    for number in range(KEPT):
        client.put_item(
            TableName="t", Item=item_of(a_deployment()) | {"pk": {"S": "many"}, "sk": {"S": f"{number:03d}"}}
        )


def _read(client: Any) -> Callable[[], object]:
    key = {"pk": {"S": "p"}, "sk": {"S": "00"}}
    return lambda: client.get_item(TableName="t", Key=key, ConsistentRead=True)


def _write(client: Any) -> Callable[[], object]:
    item = item_of(a_deployment()) | {"pk": {"S": "p"}, "sk": {"S": "00"}}
    condition = {
        "ConditionExpression": "revision = :before",
        "ExpressionAttributeValues": {":before": item["revision"]},
    }
    return lambda: client.put_item(TableName="t", Item=item, **condition)


def _page(client: Any, partition: str = "p") -> Callable[[], object]:
    """As the program asks for one."""
    values = {":pk": {"S": partition}, ":low": {"S": " "}, ":high": {"S": "~"}}
    condition = "pk = :pk AND sk BETWEEN :low AND :high"
    asked = {"KeyConditionExpression": condition, "ExpressionAttributeValues": values, "Limit": PAGE}
    return lambda: client.query(TableName="t", ConsistentRead=True, **asked)


def _compared(read: Callable[[], object], ours: list[str], others: list[str]) -> dict[str, Any]:
    """How long a read takes with `ours`, as a share of how long it takes with `others`."""

    def within(names: list[str]) -> Callable[[], object]:
        def some() -> None:
            with _all(names):
                for _ in range(TIMES):
                    read()

        return some

    result = paired(within(ours), within(others), times=1, repetitions=REPETITIONS)
    for name in ("ms", "otherMs"):
        result[name] = {
            key: round(value / TIMES, 4) if key in ("median", "low", "high") else value
            for key, value in result[name].items()
        }
    return result


@contextmanager
def _all(names: list[str]) -> Iterator[None]:
    with ExitStack() as stack:
        for name in names:
            stack.enter_context({**REPAIRS, **WRITES, **RANGES}[name]())
        yield
