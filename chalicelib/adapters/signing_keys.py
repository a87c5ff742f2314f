"""The keys that sign access tokens: one secret, read once, made by whoever starts first."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.domain.errors import Unavailable
from chalicelib.usecases.ports import Clock

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from mypy_boto3_secretsmanager import SecretsManagerClient

FIRST_VERSION = "hotswap-signing-keys-first-version"
"""The idempotency token of the first value: of two that write it at once Secrets Manager keeps one and refuses one."""

READ_AGAIN_AFTER_MS = 30_000


@dataclass(frozen=True, slots=True)
class KeyRing:
    """Private keys by key id; `current` signs, all of them verify."""

    current: str
    keys: dict[str, Ed25519PrivateKey]


class SecretSigningKeys:
    """The key ring in Secrets Manager: JSON {"current": key id, "keys": {key id: private key in PEM}}."""

    def __init__(self, client: SecretsManagerClient, secret: str, clock: Clock) -> None:
        self._client: Any = client
        self._secret = secret
        self._clock = clock
        self._ring: KeyRing | None = None
        self._read_at_ms = 0
        self._lock = threading.Lock()

    def ring(self) -> KeyRing:
        """The ring, read at the first call and then kept; made when there is none yet.

        Raises:
            Unavailable: Secrets Manager does not answer.
        """
        with self._lock:
            if self._ring is None:
                self._ring = self._read_or_make()
            return self._ring

    def ring_with(self, key_id: str) -> KeyRing:
        """The ring, read again (at most twice a minute) if it lacks `key_id`: somebody may have changed keys."""
        ring = self.ring()
        with self._lock:
            if key_id not in ring.keys and self._clock.machine_ms() - self._read_at_ms >= READ_AGAIN_AFTER_MS:
                self._ring = self._read_or_make()
            return self._ring or ring

    def _read_or_make(self) -> KeyRing:
        self._read_at_ms = self._clock.machine_ms()
        try:
            text = self._read()
            if text is None:
                self._write_first(json.dumps(_new_ring()))
                text = self._read()
        except BotoCoreError as error:
            raise Unavailable("Secrets Manager does not answer.") from error
        if text is None:
            raise Unavailable("There are no signing keys.")
        return _parsed(text)

    def _read(self) -> str | None:
        """The value; None where there is no secret, no value, or one that a template put there."""
        try:
            text = str(self._client.get_secret_value(SecretId=self._secret).get("SecretString", ""))
        except ClientError as error:
            if error.response["Error"]["Code"] == "ResourceNotFoundException":
                return None
            raise
        return text if _is_ring(text) else None

    def _write_first(self, text: str) -> None:
        """Write the first value. Who comes second is refused and reads what the first one wrote."""
        value = {"SecretString": text, "ClientRequestToken": FIRST_VERSION}
        try:
            self._client.put_secret_value(SecretId=self._secret, **value)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code == "ResourceNotFoundException":
                self._create(value)
            elif code != "ResourceExistsException":
                raise

    def _create(self, value: dict[str, str]) -> None:
        try:
            self._client.create_secret(Name=self._secret, **value)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceExistsException":
                raise


def key_id_of(public_key: bytes) -> str:
    """The id of an Ed25519 key: its JWK thumbprint. Source: RFC 7638, RFC 8037 appendix A.3."""
    jwk = json.dumps({"crv": "Ed25519", "kty": "OKP", "x": base64url(public_key)}, separators=(",", ":"))
    return base64url(hashlib.sha256(jwk.encode()).digest())


def base64url(content: bytes) -> str:
    """URL-safe base64 without padding, as JOSE wants it."""
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def public_bytes(key: Ed25519PrivateKey) -> bytes:
    """The 32 bytes of the public key that belongs to a private one."""
    return key.public_key().public_bytes_raw()


def _new_ring() -> dict[str, Any]:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    key_id = key_id_of(public_bytes(key))
    return {"current": key_id, "keys": {key_id: pem}}


def _is_ring(text: str) -> bool:
    try:
        value = json.loads(text)
    except ValueError:
        return False
    return isinstance(value, dict) and isinstance(value.get("keys"), dict) and value.get("current") in value["keys"]


def _parsed(text: str) -> KeyRing:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    value = json.loads(text)
    keys: dict[str, Ed25519PrivateKey] = {}
    for key_id, pem in value["keys"].items():
        key = load_pem_private_key(pem.encode(), password=None)
        if not isinstance(key, Ed25519PrivateKey):
            raise TypeError(f"the signing key {key_id} is not an Ed25519 key")
        keys[key_id] = key
    return KeyRing(current=value["current"], keys=keys)
