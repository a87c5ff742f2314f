"""Which environments does a request touch? Whoever may act in some of them only is asked about exactly these."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalicelib.domain.access import SCOPES, Action, Scope
from chalicelib.domain.deployment import Deployment
from chalicelib.domain.environment import Environment
from chalicelib.domain.node import environment_of
from chalicelib.usecases.ports import Ports


def touched_environments(action: Action, given: Mapping[str, Any], *, ports: Ports) -> tuple[Environment, ...]:
    """The environments of a checked request, by what stands in its path or body.

    A deployment that does not exist touches none; the view says that it does not. What the decision of an approval is
    about is known only inside (`usecases/decide_approval.py`), where it cannot change between the question and the answer.

    Raises:
        LookupError: the action counts by environment and the request names none: a mistake in the program, which must
            not let anybody through.
    """
    if SCOPES[action] is not Scope.ENVIRONMENT:
        return ()
    if isinstance(given.get("environment"), Environment):
        return (given["environment"],)
    if action is Action.DECIDE:
        return ()
    if "node_id" in given:
        found = environment_of(given["node_id"])
        return () if found is None else (found,)
    if "execution_id" in given:
        deployment = ports.store.get(Deployment, given["execution_id"])
        return () if deployment is None else (deployment.target,)
    target = getattr(given.get("body"), "target_environment", None)
    if isinstance(target, Environment):
        hotfix = getattr(given["body"], "hotfix", None)
        jumped = () if hotfix is None else hotfix.skip
        return tuple(each for each in target.path() if each not in jumped)
    raise LookupError(f"nothing in the request says where '{action}' happens")
