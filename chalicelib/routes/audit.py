"""The audit: who did what."""

from __future__ import annotations

from chalicelib.domain.access import Action
from chalicelib.routes.endpoint import Call, endpoint
from chalicelib.routes.noun import Noun
from chalicelib.routes.schemas.audit import AuditPage, ChainBody, ReadAudit, VerifyAudit, record_body
from chalicelib.usecases.read_audit import read_day, read_subject, verify_chain

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
        page = read_day(query.day or "", limit=query.limit, cursor=query.cursor, ports=call.edge.ports)
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
    summary="Whether a subject's chain of records is whole",
)
def verify_audit_chain(call: Call, query: VerifyAudit) -> ChainBody:
    check = verify_chain(query.subject, ports=call.edge.ports)
    return ChainBody(
        subject=query.subject,
        is_whole=check.is_whole,
        records=check.records,
        broken_at=check.broken_at,
        last_hash=check.last_hash,
    )
