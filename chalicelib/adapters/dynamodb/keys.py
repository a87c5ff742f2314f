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
    SealedHead        SEAL#checkpoint-root               LEAF#index
    Checkpoint        CHECKPOINTS                        CHECKPOINT#number
    OutboxMessage     OUTBOX#id                          OUTBOX
    Turn              CLUSTER#environment                TURN#module
    Assignment        CLUSTER#environment                ASSIGNMENT#module
    Look              CLUSTER#environment                LOOK#module
    Node              CLUSTER#environment                NODE#node id
    NodeChange        HISTORY#node id                    CHANGE#place
    Line              LINE                               LINE
    AliasClaim        ALIASES                            ALIAS#function#alias
    EnrolToken        ENROL#token hash                   ENROL                        expires
    Delegation        DELEGATIONS                        DELEGATION#delegator#delegate
    UsedLink          USED_LINK#id                       USED_LINK                    expires
    Quarantine        CLUSTER#environment                QUARANTINE#module#subject
    Policy            POLICY#environment                 REVISION#revision
    Configuration     CONFIGURATION#environment#module   REVISION#revision
    StageHooks        HOOKS                              SCOPE#module or *
    DeployRule        DEPLOY_RULES#module                RULE#id
    ReceiverSecret    SECRETS                            RECEIVER#subject
    Webhook           WEBHOOKS                           WEBHOOK#id
    Delivery          DELIVERIES#webhook                 DELIVERY#event id            expires
    ModuleVersion     MODULE#name                        VERSION#version
    SigningKey        SIGNING_KEYS                       KEY#key id
    User              USER#username                      USER
    Session           SESSION#id                         SESSION                      expires
    TrustedIssuer     ISSUERS                            ISSUER#name
    WrongGuesses      GUESSES#scope                      SHARD#number                 expires
    IdempotentAnswer  ANSWER#caller#idempotency key      ANSWER                       expires

Indexes (may lag; `Store.page`). Instants are 13 digits, so that text sorts as numbers do; every sort key is unique in
its partition, so that it alone says where a page ended:

    index  partition            gives           sorted by               meant for
    lists  DEPLOYMENTS          Deployment      id (= time of request)  all deployments
    lists  DEPLOYMENTS#module   Deployment      id                      deployments of a module (by pointer)
    lists  MODULES              ModuleVersion   module                  modules, each with its newest version (by pointer)
    lists  USERS                User            username                users
    lists  AUDIT#YYYY-MM-DD     AuditRecord     instant#subject#seq     what happened on a day (UTC)
    lists  SEALED#subject       SealedHead      checkpoint              what vouches for a chain
    open   DEPLOYMENTS          Deployment      updated_at_ms#id        unfinished deployments
    open   OUTBOX               OutboxMessage   created_at_ms#id        what has not been told yet
    open   APPROVALS            Approval        expires_at_ms#id        undecided approvals
    open   DELIVERIES           Delivery        due_at_ms#webhook#event undelivered events

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

from chalicelib.domain.alias import AliasClaim
from chalicelib.domain.approval import Approval, ApprovalStatus
from chalicelib.domain.approval_link import UsedLink
from chalicelib.domain.assignment import Assignment, Look
from chalicelib.domain.checkpoint import Checkpoint, SealedHead
from chalicelib.domain.configuration import Configuration
from chalicelib.domain.delegation import Delegation
from chalicelib.domain.deploy_rule import DeployRule
from chalicelib.domain.deployment import Deployment, ListedDeployment
from chalicelib.domain.guessing import WrongGuesses
from chalicelib.domain.hook import StageHooks
from chalicelib.domain.identity import IdempotentAnswer, Session, User
from chalicelib.domain.line import Line
from chalicelib.domain.module import ModuleVersion, SigningKey
from chalicelib.domain.node import EnrolToken, Member, Node, PendingNode
from chalicelib.domain.node_history import NodeChange
from chalicelib.domain.policy import Policy
from chalicelib.domain.quarantine import Quarantine
from chalicelib.domain.receiver import ReceiverSecret
from chalicelib.domain.timeline import AuditRecord, Event, OutboxMessage
from chalicelib.domain.trust import TrustedIssuer
from chalicelib.domain.turn import Turn
from chalicelib.domain.waiting import Wait
from chalicelib.domain.webhook import KEPT_S, Delivery, Webhook

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


@dataclass(frozen=True, slots=True)
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


def require_list(kind: type[Any], index: str, partition: str) -> None:
    """Nothing, if there is such a list.

    Raises:
        ValueError: there is none; an empty page would hide a misspelt name.
    """
    known = LISTS_OF.get((kind, index), ())
    if not any(partition == name or (name.endswith("#") and partition.startswith(name)) for name in known):
        raise ValueError(f"there is no list {index} {partition!r} of {kind.__name__}; there are {known!r}")


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


def _undelivered(delivery: Delivery) -> Place | None:
    if not delivery.is_pending:
        return None
    return Place("DELIVERIES", f"{instant(delivery.due_at_ms)}#{delivery.webhook_id}#{delivery.event_id}")


def _on_its_day(record: AuditRecord) -> Place:
    day = datetime.fromtimestamp(record.at_ms // 1000, UTC).date().isoformat()
    return Place(f"AUDIT#{day}", f"{instant(record.at_ms)}#{record.subject}#{record.seq:08d}")


def _untold(message: OutboxMessage) -> Place:
    return Place("OUTBOX", f"{instant(message.created_at_ms)}#{message.id}")


LAYOUTS: Final = MappingProxyType[type[Any], Layout](
    {
        Deployment: Layout(
            "Deployment",
            "DEPLOYMENT",
            1,
            "DEPLOYMENT",
            lists=lambda deployment: Place("DEPLOYMENTS", deployment.id),
            open=_unfinished,
            pointer=_deployment_of_module,
        ),
        Event: Layout("Event", "DEPLOYMENT", 1, "EVENT", 1),
        Wait: Layout("Wait", "DEPLOYMENT", 1, "WAIT"),
        Approval: Layout("Approval", "DEPLOYMENT", 1, "APPROVAL", 1, open=_undecided),
        Member: Layout("Member", "MEMBERS", 2, "MEMBER", 1),
        PendingNode: Layout("PendingNode", "PENDING", 2, "NODE", 1, expires_at_s=lambda row: row.expires_at_s),
        AuditRecord: Layout("AuditRecord", "AUDIT", 1, "RECORD", 1, lists=_on_its_day),
        SealedHead: Layout("SealedHead", "SEAL", 1, "LEAF", 1, lists=lambda e: Place(f"SEALED#{e.subject}", e.seal)),
        Checkpoint: Layout("Checkpoint", "CHECKPOINTS", 0, "CHECKPOINT", 1),
        OutboxMessage: Layout("OutboxMessage", "OUTBOX", 1, "OUTBOX", open=_untold),
        Turn: Layout("Turn", "CLUSTER", 1, "TURN", 1),
        Assignment: Layout("Assignment", "CLUSTER", 1, "ASSIGNMENT", 1),
        Look: Layout("Look", "CLUSTER", 1, "LOOK", 1),
        Node: Layout("Node", "CLUSTER", 1, "NODE", 1),
        NodeChange: Layout("NodeChange", "HISTORY", 1, "CHANGE", 1),
        Line: Layout("Line", "LINE", 0, "LINE"),
        AliasClaim: Layout("AliasClaim", "ALIASES", 0, "ALIAS", 2),
        EnrolToken: Layout("EnrolToken", "ENROL", 1, "ENROL", expires_at_s=lambda token: token.expires_at_ms // 1000),
        Delegation: Layout("Delegation", "DELEGATIONS", 0, "DELEGATION", 2),
        UsedLink: Layout("UsedLink", "USED_LINK", 1, "USED_LINK", expires_at_s=lambda used: used.expires_at_s),
        Quarantine: Layout("Quarantine", "CLUSTER", 1, "QUARANTINE", 2),
        Policy: Layout("Policy", "POLICY", 1, "REVISION", 1),
        Configuration: Layout("Configuration", "CONFIGURATION", 2, "REVISION", 1),
        StageHooks: Layout("StageHooks", "HOOKS", 0, "SCOPE", 1),
        DeployRule: Layout("DeployRule", "DEPLOY_RULES", 1, "RULE", 1),
        ReceiverSecret: Layout("ReceiverSecret", "SECRETS", 0, "RECEIVER", 1),
        Webhook: Layout("Webhook", "WEBHOOKS", 0, "WEBHOOK", 1),
        Delivery: Layout(
            "Delivery",
            "DELIVERIES",
            1,
            "DELIVERY",
            1,
            open=_undelivered,
            expires_at_s=lambda row: row.created_at_ms // 1000 + KEPT_S,
        ),
        ModuleVersion: Layout("ModuleVersion", "MODULE", 1, "VERSION", 1, pointer=_module),
        SigningKey: Layout("SigningKey", "SIGNING_KEYS", 0, "KEY", 1),
        User: Layout("User", "USER", 1, "USER", lists=lambda user: Place("USERS", user.username)),
        Session: Layout("Session", "SESSION", 1, "SESSION", expires_at_s=lambda login: login.expires_at_ms // 1000),
        TrustedIssuer: Layout("TrustedIssuer", "ISSUERS", 0, "ISSUER", 1),
        WrongGuesses: Layout("WrongGuesses", "GUESSES", 1, "SHARD", 1, expires_at_s=lambda row: row.ends_ms // 1000),
        IdempotentAnswer: Layout("IdempotentAnswer", "ANSWER", 2, "ANSWER", expires_at_s=lambda row: row.expires_at_s),
    }
)
"""One entry for each type of record; a type that is not here cannot be stored."""

PART_OF: Final = MappingProxyType[type[Any], type[Any]]({ListedDeployment: Deployment})
"""What is no record of its own but some fields of one. It is only read, and what it lacks is not decoded."""

LISTS_OF: Final = MappingProxyType[tuple[type[Any], str], tuple[str, ...]](
    {
        (Deployment, LISTS): ("DEPLOYMENTS", "DEPLOYMENTS#"),
        (ListedDeployment, LISTS): ("DEPLOYMENTS", "DEPLOYMENTS#"),
        (ModuleVersion, LISTS): ("MODULES",),
        (User, LISTS): ("USERS",),
        (AuditRecord, LISTS): ("AUDIT#",),
        (SealedHead, LISTS): ("SEALED#",),
        (Deployment, OPEN): ("DEPLOYMENTS",),
        (OutboxMessage, OPEN): ("OUTBOX",),
        (Approval, OPEN): ("APPROVALS",),
        (Delivery, OPEN): ("DELIVERIES",),
    }
)
"""Every list `page` knows; a name that ends with # is completed by a module or a day."""
