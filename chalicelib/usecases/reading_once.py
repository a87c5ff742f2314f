"""For one decision that looks at the same records from several sides: nothing is read twice.

What is read so may be older than the decision by the time it takes. That is right for what is refused early and asked
again when it counts, and for what the commit is conditional on; whoever lost a commit reads anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TypeVar

from chalicelib.usecases.ports import Address, Change, Page, Ports, Record, Store

R = TypeVar("R", bound=Record)


def reading_once(ports: Ports) -> Ports:
    """The same ports, with a store that remembers what it read."""
    return replace(ports, store=ReadOnce(ports.store))


class ReadOnce:
    """A Store that asks the one behind it for nothing twice; a write forgets everything."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._records: dict[Address, Any] = {}
        self._lists: dict[tuple[Any, ...], tuple[Any, ...]] = {}

    def get(self, kind: type[R], *key: str) -> R | None:
        """One record, read consistently the first time."""
        address = (kind, key)
        if address not in self._records:
            self._records[address] = self._store.get(kind, *key)
        found: R | None = self._records[address]
        return found

    def get_many(self, *wanted: Address) -> tuple[Any, ...]:
        """The records; those that are not known yet with one call."""
        missing = tuple(address for address in dict.fromkeys(wanted) if address not in self._records)
        self._records.update(zip(missing, self._store.get_many(*missing), strict=True))
        return tuple(self._records[address] for address in wanted)

    def list(
        self,
        kind: type[R],
        *prefix: str,
        after: str | None = None,
        limit: int | None = None,
        newest_first: bool = False,
    ) -> tuple[R, ...]:
        """Records in key order; each of them is known from then on."""
        question = (kind, prefix, after, limit, newest_first)
        if question not in self._lists:
            found = self._store.list(kind, *prefix, after=after, limit=limit, newest_first=newest_first)
            self._lists[question] = found
            self._records.update({(kind, record.key): record for record in found})
        return self._lists[question]

    def page(
        self,
        kind: type[R],
        index: str,
        partition: str,
        *,
        limit: int,
        cursor: str | None = None,
        newest_first: bool = False,
        upto: str | None = None,
    ) -> Page:
        """One page of an index, as it is now."""
        return self._store.page(
            kind, index, partition, limit=limit, cursor=cursor, newest_first=newest_first, upto=upto
        )

    def commit(self, *changes: Change) -> None:
        """All changes, or none.

        Raises:
            StaleWrite: a condition failed.
        """
        self._forget()
        self._store.commit(*changes)

    def add_many(self, records: Sequence[Record]) -> None:
        """Records whose keys are derived; not one transaction."""
        self._forget()
        self._store.add_many(records)

    def _forget(self) -> None:
        self._records.clear()
        self._lists.clear()
