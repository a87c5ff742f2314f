"""Every key of the one table, and who may be found how.

Base table (consistent; `Store.get`, `Store.list`); `…` stands for what the record's own key gives:

    record            pk                                 sk
    Deployment        DEPLOYMENT#id                      DEPLOYMENT
    Event             DEPLOYMENT#id                      EVENT#seq
    Wait              DEPLOYMENT#id                      WAIT
    Approval          DEPLOYMENT#id                      APPROVAL#approval id
    Member            MEMBERS#deployment#environment     MEMBER#node id
    PendingNode       PENDING#deployment#position        NODE#node id                 expires
    AuditRecord       AUDIT#subject                      RECORD#seq
    OutboxMessage     OUTBOX#id                          OUTBOX
    Turn              CLUSTER#environment                TURN#module
    Assignment        CLUSTER#environment                ASSIGNMENT#module
    Node              CLUSTER#environment                NODE#node id
    EnrolToken        ENROL#token hash                   ENROL                        expires
    Policy            POLICY#environment                 REVISION#revision
    ModuleVersion     MODULE#name                        VERSION#version
    SigningKey        SIGNING_KEYS                       KEY#key id
    User              USER#username                      USER
    Session           SESSION#id                         SESSION                      expires
    IdempotentAnswer  ANSWER#caller#idempotency key      ANSWER                       expires

Indexes (may lag; `Store.page`). Instants are 13 digits, so that text sorts as numbers do; every sort key is unique in
its partition, so that it alone says where a page ended:

    index  partition            gives           sorted by               meant for
    lists  DEPLOYMENTS          Deployment      id (= time of request)  all deployments
    lists  DEPLOYMENTS#module   Deployment      id                      deployments of a module (by pointer)
    lists  MODULES              ModuleVersion   module                  modules, each with its newest version (by pointer)
    lists  USERS                User            username                users
    lists  AUDIT#YYYY-MM-DD     AuditRecord     instant#subject#seq     what happened on a day (UTC)
    open   DEPLOYMENTS          Deployment      updated_at_ms#id        unfinished deployments
    open   OUTBOX               OutboxMessage   created_at_ms#id        what has not been told yet
    open   APPROVALS            Approval        expires_at_ms#id        undecided approvals

`open` is sparse: a record leaves it with the write that ends it. A pointer is a tiny item written beside a record that
must be found in a second list; it names the record and holds nothing else.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final

from chalicelib.domain.approval import Approval, ApprovalStatus
from chalicelib.domain.assignment import Assignment
from chalicelib.domain.deployment import Deployment
from chalicelib.domain.identity import IdempotentAnswer, Session, User
from chalicelib.domain.module import ModuleVersion, SigningKey
from chalicelib.domain.node import EnrolToken, Member, Node, PendingNode
from chalicelib.domain.policy import Policy
from chalicelib.domain.timeline import AuditRecord, Event, OutboxMessage
from chalicelib.domain.turn import Turn
from chalicelib.domain.waiting import Wait

PK, SK, ITEM_TYPE, REVISION, EXPIRES_AT = "pk", "sk", "itemType", "revision", "expiresAt"
TARGET_PK, TARGET_SK = "targetPk", "targetSk"
LISTS, OPEN = "lists", "open"

INDEX_NAMES: Final = MappingProxyType({LISTS: "gsi1", OPEN: "gsi2"})
"""What infra/resources.py calls them; `<name>pk` and `<name>sk` are their key attributes."""

LAST = "\U0010ffff"
"""Sorts behind everything a key may hold."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a record stands in an index."""

    partition: str
    sort: str


@dataclass(frozen=True, slots=True)
class Pointer:
    """An item of its own that lets a record be found in a second list: its key, and its place in `lists`."""

    pk: str
    sk: str
    place: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How the records of one type are laid out. The first `partition_parts` of a key make the pk, the others the sk."""

    item_type: str
    partition: str
    partition_parts: int
    sort: str
    sort_parts: int = 0
    lists: Callable[[Any], Place | None] | None = None
    open: Callable[[Any], Place | None] | None = None
    pointer: Callable[[Any], Pointer] | None = None
    expires_at_s: Callable[[Any], int] | None = None

    def pk(self, key: tuple[str, ...]) -> str:
        """The partition that the beginning of a key addresses.

        Raises:
            ValueError: too few or too many parts; a mistake in the program.
        """
        if not self.partition_parts <= len(key) <= self.partition_parts + self.sort_parts:
            raise ValueError(f"a {self.item_type} is not addressed by {key!r}")
        return joined(self.partition, *key[: self.partition_parts])

    def sk(self, key: tuple[str, ...]) -> str:
        """The sort key of a whole key.

        Raises:
            ValueError: parts are missing or too many; a mistake in the program.
        """
        if len(key) != self.partition_parts + self.sort_parts:
            raise ValueError(f"a {self.item_type} is not addressed by {key!r}")
        return joined(self.sort, *key[self.partition_parts :])

    def sort_prefix(self, prefix: tuple[str, ...]) -> str:
        """How the sort keys of all records begin whose key begins with `prefix`."""
        if len(prefix) == self.partition_parts + self.sort_parts:
            return self.sk(prefix)
        return joined(self.sort, *prefix[self.partition_parts :], "")


def joined(*parts: str) -> str:
    """Parts as one key. What separates them is escaped in all but the last, so that no two keys come out the same."""
    *first, last = parts
    return "#".join((*(part.replace("%", "%25").replace("#", "%23") for part in first), last))


def instant(at_ms: int) -> str:
    """An instant as text that sorts as the number does, until the year 2286."""
    return f"{at_ms:013d}"


def shards(index: str, partition: str) -> int:
    """Over how many partitions of the index a busy list is spread; `page` puts them together again.

    One partition takes a thousand writes of a kilobyte a second; these lists are written by every change there is.
    """
    busy = partition in ("DEPLOYMENTS", "OUTBOX") or (index == LISTS and partition.startswith("AUDIT#"))
    return 4 if busy else 1


def shard_names(index: str, partition: str) -> tuple[str, ...]:
    """The index keys that together are `partition`."""
    count = shards(index, partition)
    return (partition,) if count == 1 else tuple(f"{partition}/{number}" for number in range(count))


def index_key(index: str, place: Place, key: tuple[str, ...]) -> tuple[str, str]:
    """The two index attributes of a record with this key at this place."""
    names = shard_names(index, place.partition)
    return names[zlib.crc32("#".join(key).encode()) % len(names)], place.sort


def _unfinished(deployment: Deployment) -> Place | None:
    if deployment.has_ended:
        return None
    return Place("DEPLOYMENTS", f"{instant(deployment.updated_at_ms)}#{deployment.id}")


def _deployment_of_module(deployment: Deployment) -> Pointer:
    place = Place(f"DEPLOYMENTS#{deployment.module}", deployment.id)
    return Pointer(joined("DEPLOYMENT", deployment.id), "POINTER", place)


def _module(version: ModuleVersion) -> Pointer:
    return Pointer(joined("MODULE", version.module), "POINTER", Place("MODULES", version.module))


def _undecided(approval: Approval) -> Place | None:
    if approval.status is not ApprovalStatus.PENDING:
        return None
    return Place("APPROVALS", f"{instant(approval.expires_at_ms)}#{approval.id}")


def _on_its_day(record: AuditRecord) -> Place:
    day = datetime.fromtimestamp(record.at_ms // 1000, UTC).date().isoformat()
    return Place(f"AUDIT#{day}", f"{instant(record.at_ms)}#{record.subject}#{record.seq:08d}")


def _untold(message: OutboxMessage) -> Place:
    return Place("OUTBOX", f"{instant(message.created_at_ms)}#{message.id}")


def _cluster(sort: str, item_type: str) -> Layout:
    return Layout(item_type=item_type, partition="CLUSTER", partition_parts=1, sort=sort, sort_parts=1)


LAYOUTS: Final = MappingProxyType[type[Any], Layout](
    {
        Deployment: Layout(
            item_type="Deployment",
            partition="DEPLOYMENT",
            partition_parts=1,
            sort="DEPLOYMENT",
            lists=lambda deployment: Place("DEPLOYMENTS", deployment.id),
            open=_unfinished,
            pointer=_deployment_of_module,
        ),
        Event: Layout(item_type="Event", partition="DEPLOYMENT", partition_parts=1, sort="EVENT", sort_parts=1),
        Wait: Layout(item_type="Wait", partition="DEPLOYMENT", partition_parts=1, sort="WAIT"),
        Approval: Layout(
            item_type="Approval",
            partition="DEPLOYMENT",
            partition_parts=1,
            sort="APPROVAL",
            sort_parts=1,
            open=_undecided,
        ),
        Member: Layout(item_type="Member", partition="MEMBERS", partition_parts=2, sort="MEMBER", sort_parts=1),
        PendingNode: Layout(
            item_type="PendingNode",
            partition="PENDING",
            partition_parts=2,
            sort="NODE",
            sort_parts=1,
            expires_at_s=lambda pending: pending.expires_at_s,
        ),
        AuditRecord: Layout(
            item_type="AuditRecord",
            partition="AUDIT",
            partition_parts=1,
            sort="RECORD",
            sort_parts=1,
            lists=_on_its_day,
        ),
        OutboxMessage: Layout(
            item_type="OutboxMessage", partition="OUTBOX", partition_parts=1, sort="OUTBOX", open=_untold
        ),
        Turn: _cluster("TURN", "Turn"),
        Assignment: _cluster("ASSIGNMENT", "Assignment"),
        Node: _cluster("NODE", "Node"),
        EnrolToken: Layout(
            item_type="EnrolToken",
            partition="ENROL",
            partition_parts=1,
            sort="ENROL",
            expires_at_s=lambda token: token.expires_at_ms // 1000,
        ),
        Policy: Layout(item_type="Policy", partition="POLICY", partition_parts=1, sort="REVISION", sort_parts=1),
        ModuleVersion: Layout(
            item_type="ModuleVersion",
            partition="MODULE",
            partition_parts=1,
            sort="VERSION",
            sort_parts=1,
            pointer=_module,
        ),
        SigningKey: Layout(
            item_type="SigningKey", partition="SIGNING_KEYS", partition_parts=0, sort="KEY", sort_parts=1
        ),
        User: Layout(
            item_type="User",
            partition="USER",
            partition_parts=1,
            sort="USER",
            lists=lambda user: Place("USERS", user.username),
        ),
        Session: Layout(
            item_type="Session",
            partition="SESSION",
            partition_parts=1,
            sort="SESSION",
            expires_at_s=lambda session: session.expires_at_ms // 1000,
        ),
        IdempotentAnswer: Layout(
            item_type="IdempotentAnswer",
            partition="ANSWER",
            partition_parts=2,
            sort="ANSWER",
            expires_at_s=lambda answer: answer.expires_at_s,
        ),
    }
)
"""One entry for each type of record; a type that is not here cannot be stored."""
