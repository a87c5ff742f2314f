"""Role by route by environment, over HTTP: generated from what every route promises, so that a new route is asked too.

For each route that touches an environment, each role in that environment only and in all the others; for those that
touch the whole installation, each role in all environments but one. The oracle is the table in domain/access.py.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from chalicelib.domain.access import ALL_ENVIRONMENTS, PERMISSIONS, SCOPES, Action, Role, Scope
from chalicelib.domain.deployment import Status
from chalicelib.domain.environment import Environment
from chalicelib.domain.node import node_id
from chalicelib.domain.policy import ApprovalPolicy
from chalicelib.routes.endpoint import Spec, all_specs
from chalicelib.usecases.create_user import create_user
from infra.local.gateway import HttpResponse
from tests.canaries import PASSWORD
from tests.routes.conftest import USERS, Api, make_api
from tests.routes.test_access import EXAMPLES, name
from tests.usecases.scene import a_node_in, a_scene

DOCUMENT = json.loads((Path(__file__).parents[2] / "docs" / "openapi.json").read_text())
BODIES: dict[str, Any] = {
    operation["operationId"]: operation["requestBody"]["content"]["application/json"]["example"]
    for methods in DOCUMENT["paths"].values()
    for operation in methods.values()
    if "requestBody" in operation
}
SPECS = [spec for spec in all_specs() if isinstance(spec.access, Action)]
BY_ENVIRONMENT = [spec for spec in SPECS if SCOPES[spec.access] is Scope.ENVIRONMENT]  # type: ignore[index]
BY_INSTALLATION = [spec for spec in SPECS if SCOPES[spec.access] is Scope.INSTALLATION]  # type: ignore[index]
ANYWHERE = [spec for spec in SPECS if SCOPES[spec.access] is Scope.ANYWHERE]  # type: ignore[index]

WITHOUT_ENVIRONMENT = {
    "delegateApprovals": "one hands on what one may do oneself; each decision is asked where it is made",
    "makeApprovalLink": "the link decides nothing; whoever uses it is asked where the deployment is (below)",
}
"""Routes that count by environment and touch none themselves."""
OF_ONE_SELF = {"logOut": "it ends the session that asks", "changePassword": "it asks for the password first"}
"""Routes anybody may call for themselves."""
PLACED = [spec for spec in BY_ENVIRONMENT if spec.operation_id not in WITHOUT_ENVIRONMENT]


class Crowd:
    """An installation with a user for every role and every set of environments that matters."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.deployments = {each: api.has_deployment(targetEnvironment=str(each)) for each in Environment}

    def call(self, spec: Spec, role: Role, where: tuple[Environment, ...], target: Environment) -> HttpResponse:
        """The call about `target`, by somebody with this role in these environments."""
        return self.api.call(
            spec.method, self._path(spec, target), self._body(spec, target), user=self.user(role, where)
        )

    def user(self, role: Role, where: tuple[Environment, ...]) -> str:
        username = f"{role}.{'-'.join(where)}".lower()
        if username not in self.api._tokens:
            passwords, ports = self.api.edge.identity.passwords, self.api.ports
            given = {"environments": where, "created_by": "set-up", "passwords": passwords, "ports": ports}
            create_user(username, PASSWORD, (role,), **given)
        return username

    def _path(self, spec: Spec, target: Environment) -> str:
        named = {
            "environment": str(target),
            "nodeId": node_id(target, "01J00000000000000000099999"),
            "executionId": self.deployments[target],
        }
        return spec.path.format(**(EXAMPLES | named))

    def _body(self, spec: Spec, target: Environment) -> Any:
        if spec.body is None:
            return None
        body = dict(BODIES[spec.operation_id])
        return body | {"targetEnvironment": str(target)} if "targetEnvironment" in body else body


def refused_at_the_door(answer: HttpResponse) -> bool:
    """Whether it was the role or where it counts, and nothing a view has rules of its own for."""
    assert answer.status not in (401, 500)
    return answer.status == 403 and (
        "of your roles permits" in answer.body.decode() or "roles do not permit" in answer.body.decode()
    )


def touched(spec: Spec, target: Environment) -> set[Environment]:
    """A new deployment passes every environment up to its target; everything else happens in one."""
    return set(target.path()) if spec.operation_id == "createDeployment" else {target}


@pytest.fixture(scope="module")
def crowd() -> Crowd:
    return Crowd(make_api())


@pytest.fixture(autouse=True)
def _serves_the_crowd(crowd: Crowd) -> None:
    from tests.routes.conftest import served

    served.edge = crowd.api.edge


def others(environment: Environment) -> tuple[Environment, ...]:
    return tuple(each for each in Environment if each is not environment)


def test_every_route_has_a_scope_and_an_example() -> None:
    assert len(BY_ENVIRONMENT) + len(BY_INSTALLATION) + len(ANYWHERE) == len(SPECS)
    assert {spec.operation_id for spec in SPECS if spec.body} <= set(BODIES)
    assert set(WITHOUT_ENVIRONMENT) <= {spec.operation_id for spec in BY_ENVIRONMENT}


@pytest.mark.parametrize("target", list(Environment))
@pytest.mark.parametrize("role", USERS.values())
@pytest.mark.parametrize("spec", PLACED, ids=name)
def test_o04_a_role_counts_in_its_environments_and_nowhere_else(
    crowd: Crowd, spec: Spec, role: Role, target: Environment
) -> None:
    assert isinstance(spec.access, Action)
    for where in ((target,), others(target), ALL_ENVIRONMENTS):
        may = spec.access in PERMISSIONS[role] and touched(spec, target) <= set(where)

        answer = crowd.call(spec, role, where, target)

        assert refused_at_the_door(answer) is not may, (where, answer.status, answer.body)


@pytest.mark.parametrize("role", USERS.values())
@pytest.mark.parametrize("spec", BY_INSTALLATION, ids=name)
def test_o04_what_holds_everywhere_is_for_whoever_may_act_everywhere(crowd: Crowd, spec: Spec, role: Role) -> None:
    assert isinstance(spec.access, Action)
    for where in (*map(others, Environment), ALL_ENVIRONMENTS):
        may = spec.access in PERMISSIONS[role] and where == ALL_ENVIRONMENTS

        answer = crowd.call(spec, role, where, Environment.QA)

        assert refused_at_the_door(answer) is not may, (where, answer.status, answer.body)


@pytest.mark.parametrize("role", USERS.values())
@pytest.mark.parametrize("spec", [spec for spec in ANYWHERE if spec.operation_id not in OF_ONE_SELF], ids=name)
def test_o04_what_asks_for_no_environment_asks_for_none(crowd: Crowd, spec: Spec, role: Role) -> None:
    assert isinstance(spec.access, Action)
    for where in ((Environment.DEVELOPMENT,), (Environment.PRODUCTION,)):
        answer = crowd.call(spec, role, where, Environment.QA)

        assert refused_at_the_door(answer) is not (spec.access in PERMISSIONS[role]), (answer.status, answer.body)


@pytest.mark.parametrize("operation", ["approve", "reject"])
@pytest.mark.parametrize("target", list(Environment))
def test_o04_an_approver_decides_in_their_environments_only(target: Environment, operation: str) -> None:
    scene = a_scene(environment=target)
    scene.set_policy(environment=target, approval=ApprovalPolicy(required=True))
    for number, before in enumerate(target.path()[:-1], start=10):
        scene.set_policy(environment=before, approval=ApprovalPolicy(required=False))
        scene.nodes.append(a_node_in(before, number, ports=scene.ports))
    deployment = scene.run(scene.create(target=target), until=lambda d: d.status is Status.PENDING_APPROVAL)
    api = make_api(ports=scene.ports)
    crowd = Crowd.__new__(Crowd)
    crowd.api = api
    path, why = f"/api/v1/approvals/deployments/{deployment.id}/{operation}", {"reason": "because"}

    refused = api.call("POST", path, why, user=crowd.user(Role.APPROVER, others(target)))
    accepted = api.call("POST", path, why, user=crowd.user(Role.APPROVER, (target,)))

    assert (refused.status, accepted.status) == (403, 200)
