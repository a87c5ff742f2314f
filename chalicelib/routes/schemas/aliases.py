"""Bodies of function aliases that are nodes. Source: docs/nodes.md."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from chalicelib.domain.alias import AliasState
from chalicelib.domain.environment import Environment
from chalicelib.routes.fields import ModuleName
from chalicelib.routes.schemas.node_fields import Labels, NodeName
from chalicelib.routes.validation import Answered, Received
from chalicelib.usecases.register_alias import AliasRegistration

AlarmName = Annotated[str, Field(min_length=1, max_length=255)]


class RegisterAlias(Received):
    """A function's alias that is to be a node. The function's name begins with `hotswap-node-`.

    `alarms` are CloudWatch alarms: one that begins to fire while a deployment changes the alias takes it back at once.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "kind": "lambda",
                    "name": "payments-live",
                    "moduleName": "payment-processor",
                    "functionName": "hotswap-node-payments",
                    "alias": "live",
                    "alarms": ["payments-errors"],
                    "labels": {},
                }
            ]
        }
    )

    kind: Literal["lambda"]
    name: NodeName
    module_name: ModuleName
    function_name: Annotated[str, Field(min_length=1, max_length=64)]
    alias: Annotated[str, Field(min_length=1, max_length=128)]
    alarms: Annotated[list[AlarmName], Field(max_length=10)] = Field(default_factory=list)
    labels: Labels = Field(default_factory=dict)

    def registration(self, environment: Environment) -> AliasRegistration:
        """The same for the use case."""
        return AliasRegistration(
            name=self.name,
            environment=environment,
            module=self.module_name,
            function=self.function_name,
            alias=self.alias,
            alarms=tuple(dict.fromkeys(self.alarms)),
            labels=self.labels,
        )


class AliasBody(Answered):
    """The function alias a node is. `weights` is the percent of its traffic that each version had when it was last looked
    at; `trouble` says why it cannot be brought to what it should be. `changedOutside`: since then it is left alone."""

    module_name: str
    function_name: str
    alias: str
    alarms: list[str]
    weights: dict[str, int]
    changed_outside: bool
    trouble: str | None


def alias_body(state: AliasState) -> AliasBody:
    """The alias as it was when it was last looked at."""
    return AliasBody(
        module_name=state.module,
        function_name=state.function,
        alias=state.alias,
        alarms=list(state.alarms),
        weights={} if state.split is None else state.split.shares,
        changed_outside=bool(state.outside_fence),
        trouble=state.trouble or None,
    )
