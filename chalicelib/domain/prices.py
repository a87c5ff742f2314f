"""What a deployment costs: how much of each service it uses, times a price table with its source and date.

Prices are in billionths of a dollar, of the region named, beyond the free tiers and before taxes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Item(StrEnum):
    """What is paid for."""

    STATE_TRANSITIONS = "stateTransitions"
    FUNCTION_REQUESTS = "functionRequests"
    FUNCTION_GB_SECONDS = "functionGbSeconds"
    TABLE_WRITES = "tableWrites"
    TABLE_READS = "tableReads"
    API_REQUESTS = "apiRequests"
    EVENTS = "events"
    METRICS = "metrics"


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What one unit of an item costs, and who says so."""

    item: Item
    unit: str
    nano_usd: int
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CostLine:
    """One item of an estimate."""

    item: Item
    quantity: int
    nano_usd: int


PRICES_REGION = "us-east-1"
PRICES_AS_OF = "2026-11"

PRICES: tuple[Price, ...] = (
    Price(
        item=Item.STATE_TRANSITIONS,
        unit="state transition of a Standard workflow",
        nano_usd=25_000,
        source="https://aws.amazon.com/step-functions/pricing/ ($25 per million)",
    ),
    Price(
        item=Item.FUNCTION_REQUESTS,
        unit="function call",
        nano_usd=200,
        source="https://aws.amazon.com/lambda/pricing/ ($0.20 per million)",
    ),
    Price(
        item=Item.FUNCTION_GB_SECONDS,
        unit="GB-second, x86",
        nano_usd=16_667,
        source="https://aws.amazon.com/lambda/pricing/ ($0.0000166667)",
    ),
    Price(
        item=Item.TABLE_WRITES,
        unit="write request unit, on demand",
        nano_usd=625,
        source="https://aws.amazon.com/dynamodb/pricing/on-demand/ ($0.625 per million)",
    ),
    Price(
        item=Item.TABLE_READS,
        unit="read request unit, on demand",
        nano_usd=125,
        source="https://aws.amazon.com/dynamodb/pricing/on-demand/ ($0.125 per million)",
    ),
    Price(
        item=Item.API_REQUESTS,
        unit="call of a REST API",
        nano_usd=3_500,
        source="https://aws.amazon.com/api-gateway/pricing/ ($3.50 per million)",
    ),
    Price(
        item=Item.EVENTS,
        unit="custom event",
        nano_usd=1_000,
        source="https://aws.amazon.com/eventbridge/pricing/ ($1.00 per million)",
    ),
    Price(
        item=Item.METRICS,
        unit="metric asked of CloudWatch",
        nano_usd=10_000,
        source="https://aws.amazon.com/cloudwatch/pricing/ ($0.01 per thousand, GetMetricData)",
    ),
)
"""Change it here when AWS changes it, with the month it was read."""


def cost_of(usage: Mapping[Item, int]) -> tuple[CostLine, ...]:
    """What this much of each item costs, in the order of the table."""
    return tuple(
        CostLine(item=price.item, quantity=usage[price.item], nano_usd=usage[price.item] * price.nano_usd)
        for price in PRICES
        if price.item in usage
    )
