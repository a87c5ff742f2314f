"""The demonstration fleet: nodes of four environments in a few kernel processes, a signed module, and its traffic."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from infra.local.api_client import ApiClient, ApiError, upload
from infra.local.kernels import Kernels, LocalNode
from infra.local.traffic import Target
from kernel.examples.build import MODULE, build, new_signing_key, sign_artifact, trust_root

FLEET = {"Development": 2, "QA": 3, "Staging": 4, "Production": 10}
ENVIRONMENTS = tuple(FLEET)

CURRENCIES: Mapping[str, tuple[str, ...]] = {
    "Development": ("EUR",),
    "QA": ("EUR", "USD"),
    "Staging": ("EUR", "USD"),
    "Production": ("EUR", "USD", "GBP", "CHF", "JPY"),
}
"""What is sent where: like real life, Production sees what no test environment does."""

SHARES: Mapping[str, float] = {"Development": 0.15, "QA": 0.15, "Staging": 0.5, "Production": 1.0}
"""How much traffic a node gets, beside one of Production."""

WRONG_FOR_YEN = ("zero_decimals",)
VERSIONS: Mapping[str, tuple[str, ...]] = {"1.0.0": (), "2.0.0": (), "2.1.0": WRONG_FOR_YEN}
"""The versions of the demonstration and what is wrong with them. 2.1.0 fails for one currency of five."""


def plan_nodes(first_port: int) -> tuple[LocalNode, ...]:
    """The nodes of the fleet, each with its port."""
    names = [(environment, number) for environment, count in FLEET.items() for number in range(1, count + 1)]
    return tuple(
        LocalNode(name=f"{environment.lower()}-{number:02d}", environment=environment, port=first_port + index)
        for index, (environment, number) in enumerate(names)
    )


def start_nodes(kernels: Kernels, nodes: Sequence[LocalNode], *, admin: ApiClient) -> None:
    """Start every node, enrolling those that are new. Production is spread over two kernel processes."""
    for environment in ENVIRONMENTS:
        own = [_with_token(node, kernels, admin) for node in nodes if node.environment == environment]
        half = (len(own) + 1) // 2 if environment == "Production" else len(own)
        for number, part in enumerate((own[:half], own[half:]), start=1):
            if part:
                kernels.start(part, name=f"kernel-{environment.lower()}-{number}")


def _with_token(node: LocalNode, kernels: Kernels, admin: ApiClient) -> LocalNode:
    if kernels.has_enrolled(node):
        return node
    token = admin.post(f"/api/v1/clusters/{node.environment}/nodes/enrol-tokens")["token"]
    return LocalNode(name=node.name, environment=node.environment, port=node.port, token=token)


def nodes_running(client: ApiClient, digest: str | None = None) -> int:
    """How many nodes of all environments are healthy, and with `digest` run it."""
    count = 0
    for environment in ENVIRONMENTS:
        for node in client.get(f"/api/v1/clusters/{environment}")["nodes"]:
            runs = {module["moduleName"]: module["active"] for module in node["modules"]}
            count += node["state"] == "Healthy" and (digest is None or runs.get(MODULE) == digest)
    return count


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """A signing key made for this machine, and its id with the API."""

    key: Ed25519PrivateKey
    key_id: str

    @classmethod
    def kept(cls, admin: ApiClient, file: Path) -> Signer:
        """The key kept in `file`, made and registered when there is none yet; only its owner may read it."""
        if file.exists():
            key = load_pem_private_key(file.read_bytes(), password=None)
            if not isinstance(key, Ed25519PrivateKey):
                raise TypeError(f"{file} holds another kind of key")
        else:
            key = new_signing_key()
            descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return cls.register(admin, key)

    @classmethod
    def register(cls, admin: ApiClient, key: Ed25519PrivateKey | None = None) -> Signer:
        """A key (a new one unless given) whose signatures the API and every node enrolled from now on accept."""
        key = key or new_signing_key()
        answer = admin.post(
            "/api/v1/signing-keys", {"publicKey": trust_root(key)["publicKey"], "owner": "demonstration"}
        )
        return cls(key=key, key_id=answer["keyId"])


def publish(
    version: str,
    faults: tuple[str, ...],
    *,
    signer: Signer,
    folder: Path,
    client: ApiClient,
    manifest: Mapping[str, object] = MappingProxyType({}),
) -> str:
    """Build, sign, register and upload one version; returns its digest. `manifest` are fields besides the usual ones."""
    built = build(version, folder, faults=faults, manifest=dict(manifest))
    signature = sign_artifact(signer.key, built.name, built.version, built.digest, built.size)
    body = {
        "version": version,
        "digest": built.digest,
        "size": built.size,
        "signature": signature.signature,
        "keyId": signature.key_id,
    }
    registered = client.post(f"/api/v1/modules/{MODULE}/versions", body)
    upload(registered["uploadUrl"], built.path.read_bytes())
    return built.digest


def targets(nodes: Sequence[LocalNode], *, per_second: float) -> tuple[Target, ...]:
    """Where the traffic goes: the charge path of every node, in the currencies of its environment.

    `per_second` is for a node of Production; the environments before get less, as in life.
    """
    return tuple(
        Target(
            node=node.name,
            environment=node.environment,
            url=f"{node.url}/{MODULE}/charge",
            currencies=CURRENCIES[node.environment],
            per_second=per_second * SHARES[node.environment],
        )
        for node in nodes
    )


def is_registered(client: ApiClient, version: str) -> bool:
    """Whether a version of the demonstration module is there already."""
    try:
        client.get(f"/api/v1/modules/{MODULE}/versions/{version}")
    except ApiError as error:
        if error.status == 404:
            return False
        raise
    return True
