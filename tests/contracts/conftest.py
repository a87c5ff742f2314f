"""The real adapters over the cloud on this machine, whose conditional writes are atomic under threads as well."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from infra.local.cloud import LocalCloud
from infra.local.virtual_time import VirtualTime
from infra.resources import HOTSWAP

STORES = replace(HOTSWAP, functions=(), rules=(), schedules=(), state_machines=())


@pytest.fixture(scope="module")
def cloud() -> Iterator[LocalCloud]:
    """An installation without functions; a module's tests share it, for bringing it up takes longer than they do."""
    with LocalCloud(timers=VirtualTime(), resources=STORES, handlers={}) as cloud:
        yield cloud


@pytest.fixture
def dynamodb(cloud: LocalCloud) -> Iterator[Any]:
    """A client of an account that has our table, empty."""
    client = cloud.client("dynamodb")
    yield client
    for page in client.get_paginator("scan").paginate(TableName="hotswap", ProjectionExpression="pk, sk"):
        for key in page["Items"]:
            client.delete_item(TableName="hotswap", Key=key)
