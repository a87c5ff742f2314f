"""The items of a partition in the order of their sort keys, so that a range of them is found without looking at the rest."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator
from typing import Any

Place = tuple[str, ...]
"""Where an item stands: its sort key; in an index also its own two keys, for sort keys of an index may be equal."""

_AFTER_ALL = "\U0010ffff"


class OrderedItems:
    """Items by place. Text is compared by code point, which is the order of its UTF-8 bytes, as DynamoDB has it."""

    def __init__(self) -> None:
        self._places: list[Place] = []
        self._items: dict[Place, Any] = {}

    def __len__(self) -> int:
        return len(self._places)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._items.values())

    def get(self, place: Place) -> Any:
        """The item that stands there, or None."""
        return self._items.get(place)

    def put(self, place: Place, item: Any) -> None:
        """Add an item or replace the one that stands there."""
        if place not in self._items:
            insort(self._places, place)
        self._items[place] = item

    def drop(self, place: Place) -> None:
        """Take an item out, if there is one."""
        if self._items.pop(place, None) is not None:
            del self._places[bisect_left(self._places, place)]

    def between(self, low: str, high: str, *, after: Place | None, backwards: bool) -> Iterator[Any]:
        """The items whose sort key lies in [low, high], in order or backwards, without those up to `after`."""
        begin = bisect_left(self._places, (low,))
        end = bisect_right(self._places, (high, _AFTER_ALL))
        if after is not None and backwards:
            end = min(end, bisect_left(self._places, after))
        elif after is not None:
            begin = max(begin, bisect_right(self._places, after))
        span = range(end - 1, begin - 1, -1) if backwards else range(begin, end)
        for position in span:
            yield self._items[self._places[position]]
