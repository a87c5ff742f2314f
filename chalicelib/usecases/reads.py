"""What people look up: deployments, module versions, signing keys, approvals."""

from __future__ import annotations

from dataclasses import dataclass

from chalicelib.domain.approval import Approval
from chalicelib.domain.deployment import ListedDeployment, Status
from chalicelib.domain.environment import Environment
from chalicelib.domain.errors import NotFound
from chalicelib.domain.module import ModuleVersion, SigningKey
from chalicelib.usecases.ports import Page, Ports
from chalicelib.usecases.recording import get_deployment

MOST_PAGES = 10
"""A filter that leaves little reads at most this many pages; the cursor goes on where it stopped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentFilter:
    """Which deployments; None leaves a side open."""

    module: str | None = None
    environment: Environment | None = None
    status: Status | None = None

    def matches(self, deployment: ListedDeployment) -> bool:
        """Whether a deployment is one of these."""
        return (
            self.module in (None, deployment.module)
            and self.environment in (None, deployment.target)
            and self.status in (None, deployment.status)
        )


def list_deployments(wanted: DeploymentFilter, *, limit: int, cursor: str | None, ports: Ports) -> Page:
    """Deployments, newest first; a page may hold fewer than `limit` and still have a cursor.

    Raises:
        InvalidInput: the cursor was not given for this list.
    """
    partition = f"DEPLOYMENTS#{wanted.module}" if wanted.module else "DEPLOYMENTS"
    found: list[ListedDeployment] = []
    for _ in range(MOST_PAGES):
        # Never more than still fit, so that the cursor stands exactly behind the last one that is shown.
        page = ports.store.page(
            ListedDeployment, "lists", partition, limit=limit - len(found), cursor=cursor, newest_first=True
        )
        found += [deployment for deployment in page.records if wanted.matches(deployment)]
        cursor = page.cursor
        if cursor is None or len(found) == limit:
            break
    return Page(records=tuple(found), cursor=cursor)


def list_versions(module: str, *, ports: Ports) -> tuple[ModuleVersion, ...]:
    """Every version of a module, in the order of their names.

    Raises:
        NotFound: no version was ever registered.
    """
    found = ports.store.list(ModuleVersion, module)
    if not found:
        raise NotFound("module", module)
    return found


def list_modules(*, limit: int, cursor: str | None, ports: Ports) -> Page:
    """Each module with the version that was registered last, by name.

    Raises:
        InvalidInput: the cursor was not given for this list.
    """
    return ports.store.page(ModuleVersion, "lists", "MODULES", limit=limit, cursor=cursor)


def get_version(module: str, version: str, *, ports: Ports) -> ModuleVersion:
    """One registered version.

    Raises:
        NotFound: it was never registered.
    """
    found = ports.store.get(ModuleVersion, module, version)
    if found is None:
        raise NotFound("module version", f"{module} {version}")
    return found


def list_signing_keys(*, ports: Ports) -> tuple[SigningKey, ...]:
    """Every key, the revoked ones too."""
    return ports.store.list(SigningKey)


def pending_approvals(*, limit: int, cursor: str | None, ports: Ports) -> Page:
    """Questions nobody has answered, the one that expires first first; those whose time is up are left out."""
    page = ports.store.page(Approval, "open", "APPROVALS", limit=limit, cursor=cursor)
    now = ports.clock.policy_ms()
    return Page(records=tuple(a for a in page.records if a.expires_at_ms > now), cursor=page.cursor)


def get_approval(deployment_id: str, *, ports: Ports) -> Approval:
    """The approval a deployment asks for, or asked for last.

    Raises:
        NotFound: no such deployment, or it never asked.
    """
    deployment = get_deployment(deployment_id, ports=ports)
    asked = [rollout.approval_id for rollout in deployment.rollouts if rollout.approval_id]
    current = deployment.current
    wanted = current.approval_id if current is not None and current.approval_id else "".join(asked[-1:])
    approval = ports.store.get(Approval, deployment_id, wanted) if wanted else None
    if approval is None:
        raise NotFound("approval of deployment", deployment_id)
    return approval
