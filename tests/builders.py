"""One obvious valid example of each record; name what your test is about and leave the rest."""

from __future__ import annotations

from typing import Any

from chalicelib.domain.access import Role
from chalicelib.domain.approval import Approval
from chalicelib.domain.assignment import Assignment
from chalicelib.domain.configuration import Configuration
from chalicelib.domain.deployment import Deployment
from chalicelib.domain.environment import Environment
from chalicelib.domain.histogram import Histogram
from chalicelib.domain.identity import IdempotentAnswer, Session, User
from chalicelib.domain.metrics import Window
from chalicelib.domain.module import ModuleVersion, SigningKey
from chalicelib.domain.node import EnrolToken, Member, Node, PendingNode
from chalicelib.domain.policy import DEFAULT_POLICIES, Policy
from chalicelib.domain.rollout import Rollout
from chalicelib.domain.timeline import AuditRecord, Event, EventType, OutboxMessage
from chalicelib.domain.turn import Turn
from chalicelib.domain.waiting import Wait, WaitState

NOW_MS = 1_790_000_000_000
MODULE = "payment-processor"
OLD_DIGEST = "sha256:" + "a" * 64
NEW_DIGEST = "sha256:" + "b" * 64
DEPLOYMENT_ID = "01J00000000000000000000001"
NODE_ID = "p-01J00000000000000000000001"


def a_deployment(**changes: Any) -> Deployment:
    """A deployment of payment-processor 2.0.0 to Development that was just requested."""
    target = changes.get("target", Environment.DEVELOPMENT)
    given: dict[str, Any] = {
        "id": DEPLOYMENT_ID,
        "module": MODULE,
        "version": "2.0.0",
        "target": target,
        "digest": NEW_DIGEST,
        "requested_by": "dana",
        "created_at_ms": NOW_MS,
        "updated_at_ms": NOW_MS,
        "rollouts": tuple(Rollout(environment=environment) for environment in target.path()),
    }
    return Deployment(**(given | changes))


def an_event(**changes: Any) -> Event:
    """The first event of the deployment's timeline."""
    given: dict[str, Any] = {
        "deployment_id": DEPLOYMENT_ID,
        "seq": 1,
        "type": EventType.DEPLOYMENT_CREATED,
        "at_ms": NOW_MS,
        "status": "Pending",
    }
    return Event(**(given | changes))


def an_audit_record(**changes: Any) -> AuditRecord:
    """The first record of the deployment's chain."""
    given: dict[str, Any] = {
        "subject": DEPLOYMENT_ID,
        "seq": 1,
        "at_ms": NOW_MS,
        "actor": "dana",
        "action": "DeploymentCreated",
        "hash": "c" * 64,
    }
    return AuditRecord(**(given | changes))


A_LINE_EVENT = {"type": "LineResumed", "at": NOW_MS, "stopped": False, "by": "ada", "reason": "mended"}


def a_message(**changes: Any) -> OutboxMessage:
    """An event that has not been published yet."""
    given: dict[str, Any] = {
        "id": f"{DEPLOYMENT_ID}#00000001",
        "topic": "bus",
        "created_at_ms": NOW_MS,
        "payload": {"id": f"{DEPLOYMENT_ID}#00000001", "detailType": "LineResumed", "detail": A_LINE_EVENT},
    }
    return OutboxMessage(**(given | changes))


def a_wait(**changes: Any) -> Wait:
    """A deployment that bakes a wave."""
    given: dict[str, Any] = {
        "deployment_id": DEPLOYMENT_ID,
        "state": WaitState.BAKE_WAVE,
        "run": 0,
        "token": "token-1",
        "token_hash": "d" * 64,
    }
    return Wait(**(given | changes))


def a_turn(**changes: Any) -> Turn:
    """The turn in Production that nobody has had yet."""
    given: dict[str, Any] = {"environment": Environment.PRODUCTION, "module": MODULE}
    return Turn(**(given | changes))


def an_assignment(**changes: Any) -> Assignment:
    """Production runs the old version, and nothing is changing."""
    given: dict[str, Any] = {
        "environment": Environment.PRODUCTION,
        "module": MODULE,
        "stable_digest": OLD_DIGEST,
        "stable_version": "1.0.0",
    }
    return Assignment(**(given | changes))


def a_node(**changes: Any) -> Node:
    """A healthy node of Production that was heard of just now."""
    given: dict[str, Any] = {
        "id": NODE_ID,
        "environment": Environment.PRODUCTION,
        "name": "production-01",
        "address": "http://127.0.0.1:8101",
        "credential_hash": "e" * 64,
        "enrolled_at_ms": NOW_MS,
        "last_heartbeat_ms": NOW_MS,
        "heartbeat_ms": 1_000,
    }
    return Node(**(given | changes))


def an_enrol_token(**changes: Any) -> EnrolToken:
    """An unused token for Production, good for an hour."""
    given: dict[str, Any] = {
        "token_hash": "f" * 64,
        "environment": Environment.PRODUCTION,
        "created_by": "ada",
        "expires_at_ms": NOW_MS + 3_600_000,
    }
    return EnrolToken(**(given | changes))


def a_member(**changes: Any) -> Member:
    """The first node of a rollout in Production."""
    given: dict[str, Any] = {
        "deployment_id": DEPLOYMENT_ID,
        "environment": Environment.PRODUCTION,
        "node_id": NODE_ID,
        "name": "production-01",
        "rank": 0,
        "from_edition": OLD_DIGEST,
    }
    return Member(**(given | changes))


def a_pending_node(**changes: Any) -> PendingNode:
    """A node that has not answered its first order."""
    given: dict[str, Any] = {
        "deployment_id": DEPLOYMENT_ID,
        "position": "Production#0#deploy#1",
        "node_id": NODE_ID,
        "expires_at_s": NOW_MS // 1000 + 86_400,
    }
    return PendingNode(**(given | changes))


def a_policy(**changes: Any) -> Policy:
    """The first changed revision of an environment's policy, with the numbers of its default."""
    environment = changes.get("environment", Environment.PRODUCTION)
    default = DEFAULT_POLICIES[environment]
    given: dict[str, Any] = {
        "environment": environment,
        "revision": 1,
        "strategy": default.strategy,
        "analysis": default.analysis,
        "approval": default.approval,
        "changed_by": "ada",
        "changed_at_ms": NOW_MS,
    }
    return Policy(**(given | changes))


def an_approval(**changes: Any) -> Approval:
    """A question about Production that nobody has answered."""
    given: dict[str, Any] = {
        "id": "01J00000000000000000000009",
        "deployment_id": DEPLOYMENT_ID,
        "environment": Environment.PRODUCTION,
        "module": MODULE,
        "version": "2.0.0",
        "digest": NEW_DIGEST,
        "from_digest": OLD_DIGEST,
        "from_version": "1.0.0",
        "plan_hash": "0" * 64,
        "policy_revision": 0,
        "requested_by": "dana",
        "requested_at_ms": NOW_MS,
        "expires_at_ms": NOW_MS + 86_400_000,
    }
    return Approval(**(given | changes))


def a_configuration(**changes: Any) -> Configuration:
    """The first configuration of payment-processor in Production."""
    given: dict[str, Any] = {
        "environment": Environment.PRODUCTION,
        "module": MODULE,
        "revision": 1,
        "content": '{"feeBp":290}',
        "changed_by": "ada",
        "changed_at_ms": NOW_MS,
    }
    return Configuration(**(given | changes))


def a_version(**changes: Any) -> ModuleVersion:
    """payment-processor 2.0.0 as it was registered."""
    given: dict[str, Any] = {
        "module": MODULE,
        "version": "2.0.0",
        "digest": NEW_DIGEST,
        "size": 48_213,
        "signature": "c2lnbmF0dXJl",
        "key_id": "ed25519:" + "1" * 32,
        "registered_by": "ci",
        "registered_at_ms": NOW_MS,
    }
    return ModuleVersion(**(given | changes))


def a_signing_key(**changes: Any) -> SigningKey:
    """A key whose signatures are accepted."""
    given: dict[str, Any] = {
        "key_id": "ed25519:" + "1" * 32,
        "public_key": "cHVibGlj",
        "owner": "ci",
        "added_by": "ada",
        "added_at_ms": NOW_MS,
    }
    return SigningKey(**(given | changes))


def a_user(**changes: Any) -> User:
    """Dana, who deploys."""
    given: dict[str, Any] = {
        "username": "dana",
        "password_hash": "$argon2id$",
        "roles": (Role.DEPLOYER,),
        "created_at_ms": NOW_MS,
    }
    return User(**(given | changes))


def a_session(**changes: Any) -> Session:
    """Dana's login."""
    given: dict[str, Any] = {
        "id": "01J00000000000000000000005",
        "username": "dana",
        "generation": 0,
        "refresh_hash": "2" * 64,
        "created_at_ms": NOW_MS,
        "expires_at_ms": NOW_MS + 86_400_000,
    }
    return Session(**(given | changes))


def an_answer(**changes: Any) -> IdempotentAnswer:
    """What Dana was answered to her first request."""
    given: dict[str, Any] = {
        "caller": "dana",
        "idempotency_key": "key-1",
        "request_hash": "3" * 64,
        "subject": DEPLOYMENT_ID,
        "expires_at_s": NOW_MS // 1000 + 86_400,
    }
    return IdempotentAnswer(**(given | changes))


def a_window(**changes: Any) -> Window:
    """One second of a node: a hundred requests, all well."""
    given: dict[str, Any] = {
        "started_at_ms": NOW_MS,
        "ended_at_ms": NOW_MS + 1_000,
        "duration_ms": 1_000,
        "requests": 100,
        "latency": Histogram(counts=((192, 80), (193, 20))),
        "cpu_ms": 130,
        "memory_byte_ms": 41_000_000_000,
    }
    return Window(**(given | changes))
