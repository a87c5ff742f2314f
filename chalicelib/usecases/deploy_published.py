"""A version has appeared: start what the module's deploy rules say, once for each rule and version."""

from __future__ import annotations

from chalicelib.domain.access import Caller, Role
from chalicelib.domain.deploy_rule import DeployRule, accepts, acted_on
from chalicelib.domain.deployment import Deployment
from chalicelib.domain.errors import NotFound
from chalicelib.domain.module import ModuleVersion
from chalicelib.usecases.auditing import decide_and_commit
from chalicelib.usecases.create_deployment import DeploymentRequest, create_deployment
from chalicelib.usecases.ports import Change, Ports, Replace


def deploy_published(module: str, version: str, *, correlation_id: str = "", ports: Ports) -> tuple[Deployment, ...]:
    """The deployments that follow. The same again gives the same ones; a version that came late gives none.

    Raises:
        NotFound: no such version was registered.
    """
    if ports.store.get(ModuleVersion, module, version) is None:
        raise NotFound("module version", f"{module} {version}")
    rules = ports.store.list(DeployRule, module)
    claimed = [rule for rule in rules if _is_claimed(rule, version, ports=ports)]
    return tuple(_deployed(rule, version, correlation_id, ports=ports) for rule in claimed)


def _is_claimed(listed: DeployRule, version: str, *, ports: Ports) -> bool:
    """Whether the rule accepts the version; that it does is written before anything is started."""

    def decide() -> tuple[bool, tuple[Change, ...]]:
        rule = ports.store.get(DeployRule, *listed.key)
        if rule is None or not accepts(rule, version):
            return False, ()
        after = acted_on(rule, version)
        return True, () if after is rule else (Replace(after),)

    return decide_and_commit(decide, ports=ports)


def _deployed(rule: DeployRule, version: str, correlation_id: str, *, ports: Ports) -> Deployment:
    """The key makes one deployment of any number of events, also when this ended between claim and creation."""
    request = DeploymentRequest(
        module=rule.module,
        version=version,
        target=rule.environment,
        rule_made_by=rule.created_by,
        description=f"Deploy rule {rule.id}: the version appeared.",
    )
    caller = Caller(name=f"rule:{rule.id}", roles=frozenset({Role.DEPLOYER}), correlation_id=correlation_id)
    return create_deployment(request, caller=caller, idempotency_key=f"published:{version}", ports=ports)
