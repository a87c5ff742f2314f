"""Modules and their versions."""

from __future__ import annotations

from chalicelib.domain.access import Action
from chalicelib.domain.environment import Environment
from chalicelib.routes.endpoint import Answer, Call, endpoint
from chalicelib.routes.noun import Noun
from chalicelib.routes.schemas.modules import (
    ListPage,
    ModulePage,
    QuarantineList,
    QuarantineVersion,
    RegisteredBody,
    RegisterVersion,
    ReleaseQuarantine,
    ReleaseVersion,
    VersionBody,
    VersionList,
    module_page,
    quarantine_list,
    registered_body,
    version_body,
)
from chalicelib.usecases import quarantines, reads
from chalicelib.usecases.quarantine_version import quarantine_version as quarantined
from chalicelib.usecases.quarantine_version import release_version
from chalicelib.usecases.register_version import register_version as registered

bp = Noun(__name__)

ALL = "/api/v1/modules"
VERSIONS = ALL + "/{name}/versions"
ONE = VERSIONS + "/{version}"


@endpoint(
    bp,
    VERSIONS,
    "POST",
    action=Action.REGISTER_MODULE,
    body=RegisterVersion,
    response=RegisteredBody,
    status=201,
    also=(200,),
    errors=(409,),
    summary="Register a version and get a link to upload its bytes to; 200 when it is registered already",
)
def register_version(call: Call, name: str, body: RegisterVersion) -> Answer:
    made = registered(body.request(name), caller=call.caller, request_id=call.request_id, ports=call.edge.ports)
    where = f"{ALL}/{name}/versions/{made.version.version}"
    return Answer(body=registered_body(made), status=201 if made.is_new else 200, headers={"Location": where})


@endpoint(bp, ALL, "GET", action=Action.READ, query=ListPage, response=ModulePage, summary="List modules by name")
def list_modules(call: Call, query: ListPage) -> ModulePage:
    return module_page(reads.list_modules(limit=query.limit, cursor=query.cursor, ports=call.edge.ports))


@endpoint(
    bp, VERSIONS, "GET", action=Action.READ, response=VersionList, errors=(404,), summary="List a module's versions"
)
def list_module_versions(call: Call, name: str) -> VersionList:
    found = reads.list_versions(name, ports=call.edge.ports)
    return VersionList(versions=[version_body(version) for version in found])


@endpoint(bp, ONE, "GET", action=Action.READ, response=VersionBody, errors=(404,), summary="One version")
def get_module_version(call: Call, name: str, version: str) -> VersionBody:
    return version_body(reads.get_version(name, version, ports=call.edge.ports))


@endpoint(
    bp,
    ONE + "/quarantine",
    "POST",
    action=Action.MANAGE_KEYS,
    body=QuarantineVersion,
    response=VersionBody,
    errors=(404,),
    summary="Let nobody deploy this version any more",
)
def quarantine_version(call: Call, name: str, version: str, body: QuarantineVersion) -> VersionBody:
    changed = quarantined(
        name, version, reason=body.reason, caller=call.caller, request_id=call.request_id, ports=call.edge.ports
    )
    return version_body(changed)


@endpoint(
    bp,
    ONE + "/quarantine/release",
    "POST",
    action=Action.MANAGE_KEYS,
    body=ReleaseVersion,
    response=VersionBody,
    errors=(404,),
    summary="Let a version that was put in quarantine be deployed again",
)
def release_module_version(call: Call, name: str, version: str, body: ReleaseVersion) -> VersionBody:
    changed = release_version(
        name, version, reason=body.reason, caller=call.caller, request_id=call.request_id, ports=call.edge.ports
    )
    return version_body(changed)


@endpoint(
    bp,
    ALL + "/{name}/quarantine",
    "GET",
    action=Action.READ,
    response=QuarantineList,
    summary="What was rolled back and may not come back until it is released",
)
def list_quarantine(call: Call, name: str) -> QuarantineList:
    return quarantine_list(quarantines.list_quarantines(name, ports=call.edge.ports))


@endpoint(
    bp,
    ALL + "/{name}/quarantine/{environment}/release",
    "POST",
    action=Action.DECIDE,
    body=ReleaseQuarantine,
    response=QuarantineList,
    errors=(404,),
    summary="Let a version that was rolled back come to the environment again",
)
def release_quarantine(call: Call, name: str, environment: Environment, body: ReleaseQuarantine) -> QuarantineList:
    over = quarantines.release_quarantine(
        name,
        environment,
        body.version,
        reason=body.reason,
        caller=call.caller,
        request_id=call.request_id,
        ports=call.edge.ports,
    )
    return quarantine_list(over)
