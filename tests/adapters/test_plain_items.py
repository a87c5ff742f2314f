"""What the program's clients read from the table is what boto3 reads, found with less work."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

import boto3
import botocore.session
import pytest
from botocore.awsrequest import AWSResponse
from botocore.serialize import create_serializer
from hypothesis import example, given
from hypothesis import strategies as st

from chalicelib.adapters.aws_clients import AwsClients
from chalicelib.adapters.plain_items import PlainItemParser, PlainItemSerializer
from tests.local.worlds import bare_moto

NUMBERS = st.integers(-(10**12), 10**12).map(str)
PLAIN = st.recursive(
    st.one_of(
        st.builds(lambda text: {"S": text}, st.text(max_size=9)),
        st.builds(lambda number: {"N": number}, NUMBERS),
        st.builds(lambda flag: {"BOOL": flag}, st.booleans()),
        st.just({"NULL": True}),
        st.builds(
            lambda texts: {"SS": sorted(texts)}, st.sets(st.text(min_size=1, max_size=4), min_size=1, max_size=3)
        ),
        st.builds(lambda data: {"B": data}, st.sampled_from(["AA==", "/w=="])),
    ),
    lambda parts: st.one_of(
        st.builds(lambda found: {"L": found}, st.lists(parts, max_size=3)),
        st.builds(lambda found: {"M": found}, st.dictionaries(st.text(min_size=1, max_size=5), parts, max_size=3)),
    ),
    max_leaves=8,
)

MODEL = botocore.session.get_session().get_service_model("dynamodb")


class Body(io.BytesIO):
    """The bytes of an answer, as botocore asks for them."""

    def stream(self) -> Iterator[bytes]:
        """All of them at once."""
        yield self.read()


def parsed(parser: Any, operation: str, answer: dict[str, Any]) -> Any:
    response = {"body": json.dumps(answer).encode(), "headers": {}, "status_code": 200}
    return parser.parse(response, MODEL.operation_model(operation).output_shape)


@given(item=st.dictionaries(st.text(min_size=1, max_size=5), PLAIN, max_size=4))
@example(item={"B": {"S": "an attribute of this name"}})
@example(item={"text": {"S": 'what looks like one: "B"'}})
def test_every_item_is_read_as_boto3_reads_it_bytes_included(item):
    usual = botocore.session.get_session().get_component("response_parser_factory").create_parser("json")

    for operation, answer in [
        ("GetItem", {"Item": item, "ConsumedCapacity": {"TableName": "t"}}),
        ("Query", {"Items": [item, item], "Count": 2, "LastEvaluatedKey": item}),
        ("BatchGetItem", {"Responses": {"t": [item]}, "UnprocessedKeys": {"t": {"Keys": [item]}}}),
    ]:
        assert parsed(PlainItemParser(), operation, answer) == parsed(usual, operation, answer)


@given(item=st.dictionaries(st.text(min_size=1, max_size=5), PLAIN, max_size=4))
def test_every_item_is_written_as_boto3_writes_it_bytes_included(item):
    usual = create_serializer("json", include_validation=False)

    for operation, parameters in [
        ("PutItem", {"TableName": "t", "Item": item, "ExpressionAttributeValues": {":a": {"N": "1"}}}),
        ("GetItem", {"TableName": "t", "Key": item}),
        ("TransactWriteItems", {"TransactItems": [{"Put": {"TableName": "t", "Item": item}}]}),
    ]:
        model = MODEL.operation_model(operation)
        assert PlainItemSerializer().serialize_to_request(parameters, model) == usual.serialize_to_request(
            parameters, model
        )


@pytest.mark.parametrize("session", [None, botocore.session.Session()])
def test_the_clients_of_the_program_leave_items_as_they_come(monkeypatch: pytest.MonkeyPatch, session: Any):
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a")
    # boto3 would leave out a kind of attribute that its service model does not know.
    item = {"made-up": {"X": "as it came"}}

    def answered(request: Any, **_other: Any) -> AWSResponse:
        return AWSResponse(request.url, 200, {}, Body(json.dumps({"Item": item}).encode()))

    client = AwsClients(session).get("dynamodb")
    client.meta.events.register("before-send.dynamodb.GetItem", answered)

    assert client.get_item(TableName="t", Key={"pk": {"S": "a"}})["Item"] == item


def test_errors_of_the_table_are_still_errors_with_their_reasons(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with bare_moto():
        boto3.client("dynamodb", region_name="us-east-1").create_table(
            TableName="t",
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        client = AwsClients().get("dynamodb")
        put = {"TableName": "t", "Item": {"pk": {"S": "a"}}, "ConditionExpression": "attribute_not_exists(pk)"}
        client.put_item(**put)

        with pytest.raises(client.exceptions.TransactionCanceledException) as refused:
            client.transact_write_items(
                TransactItems=[{"Put": put | {"ReturnValuesOnConditionCheckFailure": "ALL_OLD"}}]
            )

    (reason,) = refused.value.response["CancellationReasons"]
    assert (reason["Code"], reason["Item"]) == ("ConditionalCheckFailed", {"pk": {"S": "a"}})
