"""The audit: who did what."""

from __future__ import annotations

from chalicelib.domain.access import Action
from chalicelib.routes.endpoint import Call, endpoint
from chalicelib.routes.noun import Noun
from chalicelib.routes.schemas.audit import (
    AuditPage,
    ChainBody,
    CheckpointPage,
    CheckpointsCheck,
    ReadAudit,
    ReadCheckpoints,
    VerifyAudit,
    chain_body,
    checkpoints_check,
    record_body,
    seal_body,
)
from chalicelib.usecases.read_audit import (
    checkpoints_after,
    heads_of,
    read_day,
    read_subject,
    verify_chain,
    verify_checkpoints,
)

bp = Noun(__name__)

HERE = "/api/v1/audit"


@endpoint(
    bp,
    HERE,
    "GET",
    action=Action.READ_AUDIT,
    query=ReadAudit,
    response=AuditPage,
    summary="What happened to one subject, or on one day",
)
def list_audit_records(call: Call, query: ReadAudit) -> AuditPage:
    if query.subject is None:
        page = read_day(
            query.day or "", only=query.filter(), limit=query.limit, cursor=query.cursor, ports=call.edge.ports
        )
        return AuditPage(records=[record_body(each) for each in page.records], next_after=None, cursor=page.cursor)
    found = read_subject(query.subject, after=query.after, limit=query.limit, ports=call.edge.ports)
    following = found[-1].seq if found else query.after
    return AuditPage(records=[record_body(each) for each in found], next_after=following, cursor=None)


@endpoint(
    bp,
    HERE + "/verify",
    "GET",
    action=Action.READ_AUDIT,
    query=VerifyAudit,
    response=ChainBody,
    summary="Whether a subject's chain of records is what was written, held against the signed checkpoints",
)
def verify_audit_chain(call: Call, query: VerifyAudit) -> ChainBody:
    return chain_body(query.subject, verify_chain(query.subject, keys=call.edge.audit_keys, ports=call.edge.ports))


@endpoint(
    bp,
    HERE + "/checkpoints",
    "GET",
    action=Action.READ_AUDIT,
    query=ReadCheckpoints,
    response=CheckpointPage,
    summary="Signed checkpoints with everything they sealed, oldest first; what the stand-alone verifier reads",
)
def list_checkpoints(call: Call, query: ReadCheckpoints) -> CheckpointPage:
    checkpoints = checkpoints_after(query.after, limit=query.limit, ports=call.edge.ports)
    sealed = [seal_body(each, heads_of(each, ports=call.edge.ports)) for each in checkpoints]
    return CheckpointPage(checkpoints=sealed, next_after=sealed[-1].number if sealed else query.after)


@endpoint(
    bp,
    HERE + "/checkpoints/verify",
    "GET",
    action=Action.READ_AUDIT,
    query=ReadCheckpoints,
    response=CheckpointsCheck,
    summary="Whether signed checkpoints are whole: signed by a key the service holds, in order, and nothing they sealed is missing",
)
def verify_audit_checkpoints(call: Call, query: ReadCheckpoints) -> CheckpointsCheck:
    check = verify_checkpoints(after=query.after, limit=query.limit, keys=call.edge.audit_keys, ports=call.edge.ports)
    return checkpoints_check(check, after=query.after)
