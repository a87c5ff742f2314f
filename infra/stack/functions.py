"""The functions: what Chalice packs, with names, roles, log groups and settings that it does not know."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import aws_cdk as cdk
from aws_cdk import aws_logs as logs
from chalice.cdk import Chalice
from constructs import Construct

from infra import package
from infra.naming import LIVE, deployed
from infra.permissions import policy_of
from infra.resources import Resources
from infra.stack.stage import Stage
from infra.stack.storage import Storage

API: Final = "APIHandler"
REST_API: Final = "RestAPI"


class PackedChalice(Chalice):
    """Chalice's construct, whose zip has the dependencies and bytecode in it."""

    def _package_app(self) -> None:
        super()._package_app()
        kept = package.BUILD / f"package-{package.fingerprint()}.zip"
        packed = Path(self._sam_package_dir) / "deployment.zip"
        if not kept.exists():
            package.package(packed, kept)
        shutil.copy(kept, packed)


class Functions(Construct):
    """Every function of the resources, by the name it has there."""

    def __init__(
        self, scope: Construct, resources: Resources, stage: Stage, storage: Storage, settings: Mapping[str, str]
    ) -> None:
        super().__init__(scope, "Functions")
        self._stage = stage
        directory = package.project(package.BUILD / f"chalice-{stage.name}-{os.getpid()}")
        configured: dict[str, Any] = {}
        for function in resources.functions:
            policy = directory / ".chalice" / f"policy-{function.name}.json"
            policy.write_text(json.dumps(_policy(function.name, stage, storage)))
            configured["api_handler" if function.name == "api" else function.name] = {
                "autogen_policy": False,
                "iam_policy_file": policy.name,
                "lambda_timeout": function.timeout_s,
                "lambda_memory_size": function.memory_mb,
            }
        # Chalice looks for what belongs to one function in its file only.
        config = json.loads(package.CHALICE_CONFIG.read_text()) | {
            "stages": {
                scope.to_string(): {
                    "api_gateway_stage": "api",
                    "api_gateway_endpoint_type": "REGIONAL",
                    "autogen_policy": False,
                    "xray": stage.is_traced,
                    "environment_variables": dict(settings),
                    "lambda_functions": configured,
                }
            }
        }
        (directory / ".chalice" / "config.json").write_text(json.dumps(config))
        self.chalice = PackedChalice(scope, "Chalice", source_dir=str(directory))
        shutil.rmtree(directory)
        for function in resources.functions:
            self._complete(function.name, storage)
        # A running deployment goes on with the code it began with: the state machine calls a version, never the newest.
        self.resource("steps").add_property_override("AutoPublishAlias", LIVE)
        self.resource("steps").add_property_override("AutoPublishAliasAllProperties", True)
        # Chalice makes a role for functions that have none; ours all have one.
        self.chalice.sam_template.node.try_remove_child("DefaultRole")

    def resource(self, name: str) -> cdk.CfnResource:
        """What Chalice made of a function."""
        found: cdk.CfnResource = self.chalice.get_resource(logical_id(name))
        return found

    def arn(self, name: str) -> str:
        """The ARN of its newest code."""
        return str(self.resource(name).get_att("Arn").to_string())

    def _complete(self, name: str, storage: Storage) -> None:
        resource = self.resource(name)
        group = logs.LogGroup(
            self,
            f"{logical_id(name)}Logs",
            log_group_name=f"/aws/lambda/{deployed(name, self._stage.name)}",
            retention=logs.RetentionDays(f"{_DAYS[self._stage.log_days]}"),
            encryption_key=storage.key,
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        resource.node.add_dependency(group)
        resource.add_property_override("FunctionName", deployed(name, self._stage.name))
        if name in _CALLED_IN_THE_BACKGROUND:
            dead_letters = next(iter(storage.queues.values()))
            resource.add_property_override(
                "EventInvokeConfig",
                {
                    "MaximumRetryAttempts": 2,
                    "DestinationConfig": {"OnFailure": {"Type": "SQS", "Destination": dead_letters.queue_arn}},
                },
            )


def _policy(function: str, stage: Stage, storage: Storage) -> dict[str, object]:
    return policy_of(function, stage.name, key_arn=storage.key.key_arn, is_traced=stage.is_traced)


def logical_id(name: str) -> str:
    """What Chalice calls the function in the template."""
    return API if name == "api" else "".join(part.capitalize() for part in name.split("_"))


_CALLED_IN_THE_BACKGROUND: Final = frozenset({"events", "hooks", "lambda_nodes", "sweeps"})
_DAYS: Final = {14: "TWO_WEEKS", 90: "THREE_MONTHS"}
