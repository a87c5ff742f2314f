"""What the program's clients read from the table is what boto3 reads, found with less work."""

from __future__ import annotations

from typing import Any

import boto3
import botocore.session
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.adapters.aws_clients import AwsClients
from chalicelib.adapters.plain_items import PlainItemParser
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


def parsed(parser: Any, item: dict[str, Any]) -> Any:
    shape = MODEL.operation_model("GetItem").output_shape
    return parser._parse_shape(shape, {"Item": item, "ConsumedCapacity": {"TableName": "t"}})


@given(item=st.dictionaries(st.text(min_size=1, max_size=5), PLAIN, max_size=4))
def test_every_item_is_read_as_boto3_reads_it_bytes_included(item):
    usual = botocore.session.get_session().get_component("response_parser_factory").create_parser("json")

    assert parsed(PlainItemParser(), item) == parsed(usual, item)


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
