"""The demonstration's functions: one in each environment, as its owner made it, and calls through its alias."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from infra.local.api_client import ApiClient
from infra.local.cloud import REGION, LocalCloud
from infra.local.fleet import CURRENCIES, ENVIRONMENTS, SHARES
from infra.local.traffic import Target
from kernel.examples.build import MODULE, PACKAGE, build

ALIAS = "live"
RUNTIME = "python3.11"
FUNCTION: Mapping[str, object] = {"lambda": {"handler": f"{PACKAGE}.function.handle", "runtime": RUNTIME}}
"""What the manifest of the same program says besides, so that it is a function, too."""

# Nobody checks it on this machine; it says which service is called.
_SIGNED = f"AWS4-HMAC-SHA256 Credential=testing/20260101/{REGION}/lambda/aws4_request, SignedHeaders=host, Signature=0"


def function_name(environment: str) -> str:
    """What the owner called it."""
    return f"hotswap-node-payments-{environment.lower()}"


def node_name(environment: str) -> str:
    """What its alias is called as a node."""
    return f"{environment.lower()}-{ALIAS}"


def create_functions(cloud: LocalCloud, folder: Path) -> None:
    """A function in each environment whose owner published 1.0.0 by hand and points an alias at it."""
    built = build("1.0.0", folder, faults=(), manifest=dict(FUNCTION))
    role = cloud.client("iam").create_role(RoleName="payments", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    client = cloud.client("lambda")
    for environment in ENVIRONMENTS:
        name = function_name(environment)
        client.create_function(
            FunctionName=name,
            Runtime=RUNTIME,
            Handler=f"{PACKAGE}.function.handle",
            Role=role,
            Code={"ZipFile": built.path.read_bytes()},
            Timeout=10,
        )
        version = client.publish_version(FunctionName=name)["Version"]
        client.create_alias(FunctionName=name, Name=ALIAS, FunctionVersion=version)


def register_aliases(admin: ApiClient) -> None:
    """Each alias becomes the one node of its environment."""
    for environment in ENVIRONMENTS:
        body = {
            "kind": "lambda",
            "name": node_name(environment),
            "moduleName": MODULE,
            "functionName": function_name(environment),
            "alias": ALIAS,
        }
        admin.post(f"/api/v1/clusters/{environment}/nodes", body)


def healthy_aliases(client: ApiClient) -> int:
    """How many aliases were looked at and are well."""
    nodes = (node for each in ENVIRONMENTS for node in client.get(f"/api/v1/clusters/{each}/nodes")["nodes"])
    return sum(node["state"] == "Healthy" for node in nodes)


def calls(endpoint: str, *, per_second: float) -> tuple[Target, ...]:
    """Where calls go: every alias, over HTTP, in the currencies of its environment."""
    return tuple(
        Target(
            node=node_name(environment),
            environment=environment,
            url=f"{endpoint}/2015-03-31/functions/{function_name(environment)}/invocations?Qualifier={ALIAS}",
            currencies=CURRENCIES[environment],
            per_second=per_second * SHARES[environment],
            headers={"Authorization": _SIGNED},
        )
        for environment in ENVIRONMENTS
    )


def versions_of(cloud: LocalCloud, environment: str) -> dict[str, Any]:
    """What Lambda itself says: which version of the code the alias gives how many percent (by digest, base64)."""
    client, name = cloud.client("lambda"), function_name(environment)
    alias = client.get_alias(FunctionName=name, Name=ALIAS)
    others = dict((alias.get("RoutingConfig") or {}).get("AdditionalVersionWeights") or {})
    shares = {alias["FunctionVersion"]: 100 - round(100 * sum(others.values()))}
    shares |= {version: round(100 * weight) for version, weight in others.items()}
    return {
        client.get_function_configuration(FunctionName=name, Qualifier=version)["CodeSha256"]: share
        for version, share in shares.items()
    }
