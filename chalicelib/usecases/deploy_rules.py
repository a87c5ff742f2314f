"""Add, list and remove deploy rules."""

from __future__ import annotations

from chalicelib.domain.access import Caller
from chalicelib.domain.deploy_rule import DeployRule
from chalicelib.domain.environment import Environment
from chalicelib.domain.errors import NotFound
from chalicelib.usecases.auditing import Deed, audited, decide_and_commit
from chalicelib.usecases.ports import Add, Change, Ports, Remove


def add_deploy_rule(
    module: str,
    environment: Environment,
    *,
    pre_releases: bool,
    caller: Caller,
    request_id: str = "",
    ports: Ports,
) -> DeployRule:
    """The rule, in force for versions that appear from now on."""
    rule = DeployRule(
        id=ports.new_id(),
        module=module,
        environment=environment,
        pre_releases=pre_releases,
        created_by=caller.name,
        created_at_ms=ports.clock.machine_ms(),
    )
    ports.store.commit(Add(rule), audited(_deed(rule, "DeployRuleAdded", caller, request_id), ports=ports))
    return rule


def list_deploy_rules(module: str, *, ports: Ports) -> tuple[DeployRule, ...]:
    """The rules of a module, the oldest first."""
    return ports.store.list(DeployRule, module)


def remove_deploy_rule(module: str, rule_id: str, *, caller: Caller, request_id: str = "", ports: Ports) -> None:
    """It follows nothing from new versions any more.

    Raises:
        NotFound: there is no such rule.
    """

    def decide() -> tuple[None, tuple[Change, ...]]:
        rule = ports.store.get(DeployRule, module, rule_id)
        if rule is None:
            raise NotFound("deploy rule", rule_id)
        return None, (Remove(rule), audited(_deed(rule, "DeployRuleRemoved", caller, request_id), ports=ports))

    decide_and_commit(decide, ports=ports)


def _deed(rule: DeployRule, action: str, caller: Caller, request_id: str) -> Deed:
    detail = {"module": rule.module, "environment": str(rule.environment), "preReleases": rule.pre_releases}
    return Deed(
        subject=f"deploy-rule:{rule.id}", actor=caller.name, action=action, detail=detail, request_id=request_id
    )
