"""Bodies of modules and signing keys. Source: docs/contracts/artifact.md."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Self

from pydantic import ConfigDict, Field, model_validator

from chalicelib.domain.edition import digest_of
from chalicelib.domain.environment import Environment
from chalicelib.domain.errors import InvalidInput, Violation
from chalicelib.domain.module import MAX_ARTIFACT_BYTES, ModuleVersion, SigningKey, VersionStatus
from chalicelib.domain.quarantine import Quarantine
from chalicelib.routes.fields import (
    Digest,
    EnvironmentName,
    Instant,
    KeyId,
    PublicKey,
    QueryInstant,
    QueryInt,
    Reason,
    Signature,
    Version,
    iso,
    iso_or_none,
)
from chalicelib.routes.validation import Answered, Received, broken_inside
from chalicelib.usecases.add_signing_key import Limits
from chalicelib.usecases.ports import Page
from chalicelib.usecases.register_version import Registered, VersionRequest

DIGEST = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"


class RegisterVersion(Received):
    """What the bytes of a version will be. Without a signature it can be registered, but never deployed."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"version": "2.0.0", "digest": DIGEST, "size": 48_213}]})

    version: Version
    digest: Digest
    size: Annotated[int, Field(ge=1, le=MAX_ARTIFACT_BYTES)]
    signature: Signature | None = None
    key_id: KeyId | None = None
    irreversible: bool = False

    def request(self, module: str) -> VersionRequest:
        """The same for the use case."""
        return VersionRequest(
            module=module,
            version=self.version,
            digest=self.digest,
            size=self.size,
            signature=self.signature or "",
            key_id=self.key_id or "",
            irreversible=self.irreversible,
        )


class QuarantineVersion(Received):
    """Why nobody should deploy a version any more."""

    reason: Annotated[Reason, Field(min_length=1)]


class ReleaseVersion(Received):
    """Why a version may be deployed again."""

    reason: Annotated[Reason, Field(min_length=1)]


class ReleaseQuarantine(Received):
    """Which version may come back to an environment, and why."""

    version: Version
    reason: Annotated[Reason, Field(min_length=1)]


class AddSigningKey(Received):
    """A public key, whose it is, and where and how long it counts; without limits everywhere and until it is revoked."""

    public_key: PublicKey
    owner: Annotated[str, Field(min_length=1, max_length=200)]
    valid_from: QueryInstant | None = None
    valid_until: QueryInstant | None = None
    environments: Annotated[list[EnvironmentName], Field(max_length=4)] = Field(default_factory=list)

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> Self:
        if self.valid_until is not None and self.valid_until <= (self.valid_from or 0):
            raise broken_inside(InvalidInput(Violation("validUntil", "must be later than validFrom")))
        return self

    def limits(self) -> Limits:
        """The same for the use case."""
        return Limits(
            valid_from_ms=self.valid_from, valid_until_ms=self.valid_until, environments=tuple(self.environments)
        )


class Why(Received):
    """A reason, for whoever reads the audit later."""

    reason: Reason = ""


class ListPage(Received):
    """Which part of a list."""

    limit: Annotated[QueryInt, Field(ge=1, le=100)] = 50
    cursor: Annotated[str, Field(min_length=1, max_length=2_048)] | None = None


class VersionBody(Answered):
    """A registered version."""

    module_name: str
    version: str
    digest: str
    size: int
    signature: str | None
    key_id: str | None
    status: VersionStatus
    reason: str
    irreversible: bool
    registered_by: str
    registered_at: Instant


class RegisteredBody(VersionBody):
    """A registered version, and where its bytes go: one PUT, `application/octet-stream`, within 15 minutes."""

    upload_url: str


class VersionList(Answered):
    """The versions of one module."""

    versions: list[VersionBody]


class ModulePage(Answered):
    """Modules, each with the version that was registered last."""

    modules: list[VersionBody]
    cursor: str | None


class QuarantineBody(Answered):
    """What may not come to an environment since it was rolled back there, or, once released, might not.

    `configurationRevision` is null where the version is kept out whatever its configuration.
    """

    environment: Environment
    module_name: str
    version: str
    digest: str
    configuration_revision: int | None
    reason: str
    by: str
    execution_id: str
    since: Instant
    released_by: str | None
    released_at: Instant | None
    release_reason: str | None


class QuarantineList(Answered):
    """In promotion order of the environments, the newest first in each."""

    quarantines: list[QuarantineBody]


class SigningKeyBody(Answered):
    """A key whose signatures are, or were, accepted."""

    key_id: str
    public_key: str
    owner: str
    added_by: str
    added_at: Instant
    revoked_at: Instant | None
    valid_from: Instant | None
    valid_until: Instant | None
    environments: list[Environment]


class SigningKeyList(Answered):
    """Every key there is."""

    keys: list[SigningKeyBody]


def version_body(version: ModuleVersion) -> VersionBody:
    """One version."""
    return VersionBody(
        module_name=version.module,
        version=version.version,
        digest=version.digest,
        size=version.size,
        signature=version.signature or None,
        key_id=version.key_id or None,
        status=version.status,
        reason=version.reason,
        irreversible=version.irreversible,
        registered_by=version.registered_by,
        registered_at=iso(version.registered_at_ms),
    )


def registered_body(registered: Registered) -> RegisteredBody:
    """One version and its upload link."""
    return RegisteredBody(**dict(version_body(registered.version)), upload_url=registered.upload_url)


def quarantine_list(found: Iterable[Quarantine]) -> QuarantineList:
    """What is and what was kept out."""
    return QuarantineList(
        quarantines=[
            QuarantineBody(
                environment=each.environment,
                module_name=each.module,
                version=each.version,
                digest=digest_of(each.subject),
                configuration_revision=each.configuration or None,
                reason=each.reason,
                by=each.by,
                execution_id=each.deployment_id,
                since=iso(each.since_ms),
                released_by=each.released_by or None,
                released_at=iso_or_none(each.released_at_ms),
                release_reason=each.release_reason or None,
            )
            for each in found
        ]
    )


def module_page(page: Page) -> ModulePage:
    """A page of the modules."""
    return ModulePage(modules=[version_body(version) for version in page.records], cursor=page.cursor)


def key_body(key: SigningKey) -> SigningKeyBody:
    """One signing key."""
    return SigningKeyBody(
        key_id=key.key_id,
        public_key=key.public_key,
        owner=key.owner,
        added_by=key.added_by,
        added_at=iso(key.added_at_ms),
        revoked_at=iso_or_none(key.revoked_at_ms),
        valid_from=iso_or_none(key.valid_from_ms),
        valid_until=iso_or_none(key.valid_until_ms),
        environments=list(key.environments or Environment),
    )
