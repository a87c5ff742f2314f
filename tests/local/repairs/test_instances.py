"""What moto made is let go when nothing uses it."""

from __future__ import annotations

import gc
import weakref
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.dynamodb.models.dynamo_type import Item
from moto.s3.models import FakeKey

from infra.local.repairs import instances
from infra.local.virtual_time import VirtualTime
from tests.local.repairs.conftest import a_table, key
from tests.local.worlds import Desk, a_cloud, bare_moto


def items_left_by(writes: int, table: Any) -> int:
    """How many more items live in this process after writing the same one so many times."""

    def living() -> int:
        gc.collect()
        return sum(type(each) is Item for each in gc.get_objects())

    table.put_item(TableName="hotswap", Item=key("a"))
    before = living()
    for number in range(writes):
        table.put_item(TableName="hotswap", Item={**key("a"), "v": {"N": str(number)}})
    return living() - before


@pytest.mark.parametrize("mended", [False, True])
def test_an_overwritten_item_is_kept_only_by_bare_moto(mended: bool) -> None:
    with bare_moto(), instances.models_are_let_go() if mended else nullcontext():
        left = items_left_by(20, a_table())

    if mended:
        assert left == 0
    else:
        assert left >= 20, "moto lets items go now: drop the repair"


def test_the_cloud_keeps_no_overwritten_item(tmp_path: Path) -> None:
    with a_cloud(tmp_path, {"P": {"Type": "Pass", "End": True}}, Desk(), VirtualTime()) as cloud:
        assert items_left_by(20, cloud.client("dynamodb")) == 0


def test_files_of_overwritten_objects_are_still_closed_at_the_end() -> None:
    with bare_moto(), instances.models_are_let_go():
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket="bucket")
        client.put_object(Bucket="bucket", Key="k", Body=b"first")
        first = weakref.ref(FakeKey.instances_tracked[-1])
        client.put_object(Bucket="bucket", Key="k", Body=b"second")
        overwritten = first()
        assert overwritten is not None, "S3 has lost the object before its file was closed"

    assert overwritten.disposed
