"""Build and sign artifacts of the payment processor.

All versions come from one source tree; a version is which of its files go into the zip under which name.
"""

import base64
import io
import json
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from kernel.artifact import digest_of, key_id_of, signed_text

SOURCE = Path(__file__).parent / "payment_processor"
MODULE = "payment-processor"
PACKAGE = "payment_processor"

# What a fault is: another file of the source tree in the place of the right one.
FAULTS = {
    "leaking_pool": ("ledger.py", "ledger_pooled.py"),
    "zero_decimals": ("minor_units.py", "minor_units_by_decimals.py"),
    "unhealthy": ("health.py", "health_failing.py"),
    "dies_at_start": ("health.py", "health_dying.py"),
}
FAULTS_OF_VERSION = {"2.1.0": ("leaking_pool",), "2.2.0": ("zero_decimals",)}
_FILES = (
    "__init__.py",
    "__main__.py",
    "cards.py",
    "charging.py",
    "function.py",
    "health.py",
    "ledger.py",
    "minor_units.py",
    "money.py",
    "receipt.py",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltArtifact:
    """A zip on disk and the numbers it is registered with."""

    name: str
    version: str
    digest: str
    size: int
    path: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """A signature as it is registered: `signature` in base64, `key_id` names the key."""

    signature: str
    key_id: str


def build(
    version: str,
    out_dir: Path,
    *,
    faults: Iterable[str] | None = None,
    name: str = MODULE,
    manifest: dict[str, object] | None = None,
) -> BuiltArtifact:
    """Build one version; the same arguments always give the same bytes.

    1.0.0 is plain, from 2.0.0 on a receipt shows the parts of the fee. 2.1.0 fails one charge in five and takes twice
    as long; 2.2.0 fails every charge in a currency without minor units, and only those.

    Args:
        faults: names of FAULTS; None means those the version is known for.
        name: registers the same program under another name.
        manifest: fields that replace the usual ones of hotswap.json.
    """
    chosen = FAULTS_OF_VERSION.get(version, ()) if faults is None else tuple(faults)
    sources = {file: file for file in _FILES}
    if int(version.split(".", 1)[0]) >= 2:
        sources["receipt.py"] = "receipt_with_breakdown.py"
    sources |= dict(FAULTS[fault] for fault in chosen)
    fields: dict[str, object] = {"name": name, "version": version, "command": ["python3", "-m", PACKAGE]}
    files = {f"{PACKAGE}/{file}": (SOURCE / source).read_bytes() for file, source in sources.items()}
    files["hotswap.json"] = json.dumps(fields | (manifest or {}), indent=2).encode()
    data = zip_of(files)
    out_dir.mkdir(parents=True, exist_ok=True)
    digest = digest_of(data)
    path = out_dir / f"{name}-{version}-{digest.removeprefix('sha256:')[:12]}.zip"
    path.write_bytes(data)
    return BuiltArtifact(name=name, version=version, digest=digest, size=len(data), path=path)


def zip_of(files: dict[str, bytes]) -> bytes:
    """A zip of these files whose bytes depend on nothing else: no clock, no order, no compression library."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for file in sorted(files):
            entry = zipfile.ZipInfo(file, date_time=(1980, 1, 1, 0, 0, 0))
            entry.create_system = 3
            entry.external_attr = 0o100644 << 16
            archive.writestr(entry, files[file])
    return buffer.getvalue()


def new_signing_key() -> Ed25519PrivateKey:
    """A new key to sign artifacts with."""
    return Ed25519PrivateKey.generate()


def trust_root(private_key: Ed25519PrivateKey) -> dict[str, str]:
    """The public half of a key, as nodes and the control plane trust it: keyId and publicKey."""
    raw = private_key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return {"keyId": key_id_of(raw), "publicKey": base64.b64encode(raw).decode()}


def sign_artifact(private_key: Ed25519PrivateKey, name: str, version: str, digest: str, size: int) -> Signature:
    """Sign name, version, digest and size together."""
    signature = private_key.sign(signed_text(name, version, digest, size))
    return Signature(signature=base64.b64encode(signature).decode(), key_id=trust_root(private_key)["keyId"])
