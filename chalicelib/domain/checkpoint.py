"""Checkpoints of the audit: a signed Merkle root over the heads of all chains that grew.

A chain of hashes shows an edit in its middle. It cannot show that its end was cut off, or that all of it was written
anew: whoever may write may also hash. A checkpoint can, because its signature cannot be made by whoever may write.

Source: RFC 9162 section 2.1 (hashes of leaves and nodes, inclusion proofs).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass

from chalicelib.domain.timeline import AuditRecord

FIRST = "0" * 64
"""What stands as the hash of the checkpoint before the first one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """One seal: `root` over `leaves` heads, everything that was in the audit by `upto_ms` and not sealed before.

    `previous` is the hash of the checkpoint before it. `signature` (Ed25519, base64) is over `signed_text`.
    """

    number: int
    at_ms: int
    upto_ms: int
    leaves: int
    root: str
    previous: str
    key_id: str = ""
    public_key: str = ""
    signature: str = ""
    revision: int = 0

    @property
    def key(self) -> tuple[str, ...]:
        return (f"{self.number:08d}",)

    @property
    def signed_text(self) -> bytes:
        """The bytes that are signed."""
        lines = (
            "hotswap-audit-checkpoint-v1",
            f"number:{self.number}",
            f"atMs:{self.at_ms}",
            f"uptoMs:{self.upto_ms}",
            f"leaves:{self.leaves}",
            f"root:{self.root}",
            f"previous:{self.previous}",
        )
        return "".join(f"{line}\n" for line in lines).encode()

    @property
    def hash(self) -> str:
        """What the next checkpoint names as its previous one."""
        return hashlib.sha256(self.signed_text).hexdigest()

    @property
    def seal(self) -> str:
        """What its heads are stored under: of two sweeps that seal at once, the other's heads belong to nothing."""
        return f"{self.number:08d}-{self.root[:16]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedHead:
    """The newest record of one chain when a checkpoint was made: leaf `index`, with the way from it to the root."""

    seal: str
    index: int
    subject: str
    seq: int
    hash: str
    path: tuple[str, ...] = ()
    revision: int = 0

    @property
    def key(self) -> tuple[str, ...]:
        return (self.seal, f"{self.index:08d}")

    @property
    def checkpoint(self) -> int:
        """The number of its checkpoint."""
        return int(self.seal.partition("-")[0])


Head = tuple[str, int, str]
"""Subject, number and hash of a record."""


def head_of(record: AuditRecord) -> Head:
    """A record as a leaf."""
    return (record.subject, record.seq, record.hash)


def leaf_hash(head: Head) -> str:
    """The hash of a leaf."""
    return _hash(b"\0" + json.dumps(head, separators=(",", ":"), ensure_ascii=False).encode())


def merkle_root(heads: Sequence[Head]) -> str:
    """The root over the leaves in this order.

    Raises:
        ValueError: there is no leaf.
    """
    return _levels(heads)[-1][0]


def merkle_paths(heads: Sequence[Head]) -> tuple[tuple[str, ...], ...]:
    """For each leaf the hashes that lead from it to the root, nearest first; "" where a node has no neighbour."""
    levels = _levels(heads)[:-1]
    return tuple(_path(levels, index) for index in range(len(heads)))


def root_from(head: Head, index: int, path: Sequence[str]) -> str:
    """The root that a leaf at this place and its path make."""
    found = leaf_hash(head)
    for neighbour in path:
        if neighbour:
            found = _node(neighbour, found) if index % 2 else _node(found, neighbour)
        index //= 2
    return found


def _path(levels: Sequence[Sequence[str]], index: int) -> tuple[str, ...]:
    path = []
    for level in levels:
        neighbour = index ^ 1
        path.append(level[neighbour] if neighbour < len(level) else "")
        index //= 2
    return tuple(path)


def _levels(heads: Sequence[Head]) -> list[list[str]]:
    if not heads:
        raise ValueError("a tree needs a leaf")
    levels = [[leaf_hash(head) for head in heads]]
    while len(levels[-1]) > 1:
        below = levels[-1]
        pairs = [_node(*below[at : at + 2]) for at in range(0, len(below) - 1, 2)]
        levels.append(pairs + below[len(pairs) * 2 :])
    return levels


def _node(left: str, right: str) -> str:
    return _hash(b"\1" + bytes.fromhex(left) + bytes.fromhex(right))


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
