"""What a kernel process is told at its start."""

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kernel.artifact import TrustRoot, trust_roots_from
from kernel.manifest import is_name
from kernel.resident import Pace


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeSettings:
    """One node. The token is needed until the node has enrolled once."""

    name: str
    port: int
    token: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long to wait for the control plane before the next try. Seconds; from docs/contracts/node-protocol.md."""

    retry_min_s: float = 1.0
    retry_max_s: float = 30.0
    revoked_s: float = 60.0
    idle_jitter: float = 0.05
    jitter_above_s: float = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelSettings:
    """A kernel process and its nodes. With `trust_roots` those alone count, whatever the control plane gives."""

    control_plane: str
    data_dir: Path
    nodes: tuple[NodeSettings, ...]
    host: str = "127.0.0.1"
    trust_roots: Mapping[str, TrustRoot] | None = None
    patience: Patience = field(default_factory=Patience)
    pace: Pace = field(default_factory=Pace)


def parse_arguments(arguments: Sequence[str] | None = None) -> KernelSettings:
    """Read the command line. Ends the process with a message when something in it is wrong."""
    parser = argparse.ArgumentParser(prog="kernel", description="Run the nodes of this machine.")
    parser.add_argument("--control-plane", required=True, metavar="URL", help="where the API answers")
    parser.add_argument("--data-dir", required=True, type=Path, metavar="DIR", help="where the nodes keep their state")
    parser.add_argument("--trust-roots", type=_trust_roots, metavar="FILE", help="JSON; then these keys alone count")
    parser.add_argument("--host", default="127.0.0.1", help="address the nodes listen on (default: %(default)s)")
    parser.add_argument(
        "--node",
        action="append",
        required=True,
        type=parse_node,
        metavar="name=N,port=P[,token=T][,label.K=V]",
        help="one node; may be given several times",
    )
    told = parser.parse_args(arguments)
    names = [node.name for node in told.node]
    if len(set(names)) != len(names):
        parser.error("two nodes have the same name")
    return KernelSettings(
        control_plane=told.control_plane,
        data_dir=told.data_dir,
        nodes=tuple(told.node),
        host=told.host,
        trust_roots=told.trust_roots,
    )


def parse_node(text: str) -> NodeSettings:
    """Read one --node.

    Raises:
        argparse.ArgumentTypeError: a part is missing, unknown or of another kind.
    """
    parts: dict[str, str] = {}
    labels: dict[str, str] = {}
    for part in text.split(","):
        key, equals, value = part.partition("=")
        if not equals or not value:
            raise argparse.ArgumentTypeError(f"{part!r} is not key=value")
        if key.startswith("label."):
            labels[key.removeprefix("label.")] = value
        elif key in ("name", "port", "token"):
            parts[key] = value
        else:
            raise argparse.ArgumentTypeError(f"{key!r} is none of name, port, token, label.*")
    # The name becomes a folder's, so what could leave the folder is no name.
    if not is_name(parts.get("name")):
        raise argparse.ArgumentTypeError("name must be 3 to 64 lower-case letters, digits and hyphens")
    port = parts.get("port", "")
    if not port.isdigit() or int(port) > 65535:
        raise argparse.ArgumentTypeError("port must be a number up to 65535")
    return NodeSettings(name=parts["name"], port=int(port), token=parts.get("token"), labels=labels)


def _trust_roots(path: str) -> Mapping[str, TrustRoot]:
    try:
        body = json.loads(Path(path).read_bytes())
        roots = body["trustRoots"] if isinstance(body, dict) else body
        return trust_roots_from(roots)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise argparse.ArgumentTypeError(f"{path}: {error}") from error
