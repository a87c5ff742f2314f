"""Deploy rules: what follows when a version of a module appears."""

from __future__ import annotations

from chalicelib.domain.access import Action
from chalicelib.domain.deploy_rule import DeployRule
from chalicelib.domain.environment import Environment
from chalicelib.routes.endpoint import Answer, Call, endpoint
from chalicelib.routes.fields import EnvironmentName, Instant, iso
from chalicelib.routes.noun import Noun
from chalicelib.routes.validation import Answered, Received
from chalicelib.usecases import deploy_rules

bp = Noun(__name__)

ALL = "/api/v1/modules/{name}/deploy-rules"


class AddDeployRule(Received):
    """Where versions that appear go."""

    target_environment: EnvironmentName = Environment.DEVELOPMENT
    pre_releases: bool = True


class DeployRuleBody(Answered):
    """A deploy rule; `newest` is the highest version it has acted on."""

    rule_id: str
    module_name: str
    target_environment: Environment
    pre_releases: bool
    newest: str | None
    created_by: str
    created_at: Instant


class DeployRuleList(Answered):
    """The deploy rules of a module."""

    rules: list[DeployRuleBody]


@endpoint(
    bp,
    ALL,
    "POST",
    action=Action.MANAGE_HOOKS,
    body=AddDeployRule,
    response=DeployRuleBody,
    status=201,
    summary="Deploy every version of the module that appears from now on",
)
def add_deploy_rule(call: Call, name: str, body: AddDeployRule) -> DeployRuleBody:
    rule = deploy_rules.add_deploy_rule(
        name,
        body.target_environment,
        pre_releases=body.pre_releases,
        caller=call.caller,
        request_id=call.request_id,
        ports=call.edge.ports,
    )
    return rule_body(rule)


@endpoint(bp, ALL, "GET", action=Action.READ, response=DeployRuleList, summary="List a module's deploy rules")
def list_deploy_rules(call: Call, name: str) -> DeployRuleList:
    found = deploy_rules.list_deploy_rules(name, ports=call.edge.ports)
    return DeployRuleList(rules=[rule_body(rule) for rule in found])


@endpoint(
    bp,
    ALL + "/{ruleId}",
    "DELETE",
    action=Action.MANAGE_HOOKS,
    status=204,
    errors=(404,),
    summary="Let nothing follow from new versions any more",
)
def remove_deploy_rule(call: Call, name: str, rule_id: str) -> Answer:
    deploy_rules.remove_deploy_rule(
        name, rule_id, caller=call.caller, request_id=call.request_id, ports=call.edge.ports
    )
    return Answer(body=None)


def rule_body(rule: DeployRule) -> DeployRuleBody:
    """A deploy rule."""
    return DeployRuleBody(
        rule_id=rule.id,
        module_name=rule.module,
        target_environment=rule.environment,
        pre_releases=rule.pre_releases,
        newest=rule.newest or None,
        created_by=rule.created_by,
        created_at=iso(rule.created_at_ms),
    )
