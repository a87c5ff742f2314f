"""Ed25519 keys in a secret, such as those that sign access tokens: made by whoever starts first, read again every few
minutes.

A new key is published before it signs, and the old one verifies until the last token it signed has expired. Both
instants stand in the secret, so a rotation is one write and needs nobody to finish it.
"""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.domain.errors import Unavailable
from chalicelib.usecases.ports import Clock

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from mypy_boto3_secretsmanager import SecretsManagerClient

FIRST_VERSION: Final = "hotswap-signing-keys-first-version"
"""The idempotency token of the first value: of two that write it at once Secrets Manager keeps one and refuses one."""

READ_AGAIN_AFTER_MS: Final = 300_000
"""So long an instance may not know of a rotation."""

LOOKED_AGAIN_AFTER_MS: Final = 30_000
SIGNS_AFTER_MS: Final = 2 * READ_AGAIN_AFTER_MS
"""A new key waits until every instance, and whoever caches the key set, has read it."""

VERIFIES_ON_MS: Final = 25 * 3_600_000
"""Longer than an access token lives (an hour at most), and than an approval link by the default policy (24 hours)."""

FOR_EVER: Final = 10**15


@dataclass(frozen=True, slots=True)
class TokenKey:
    """A private key, when it begins to sign, and when it ends to verify (machine time)."""

    private: Ed25519PrivateKey
    signs_from_ms: int
    good_until_ms: int


@dataclass(frozen=True, slots=True)
class KeyRing:
    """Every key there is, by its id; `version` is the value of the secret they were read from."""

    keys: dict[str, TokenKey]
    version: str = ""

    def signer(self, now_ms: int) -> str:
        """The id of the key that signs now: the newest one that has begun.

        Where none has (the clock was ahead when the first was made, and has been put right), it is the oldest one:
        everybody knows it, and nobody would be let in until the clock is there again.
        """
        known = sorted((key.signs_from_ms, name) for name, key in self.keys.items())
        if not known:
            raise Unavailable("There is no key that signs.")
        begun = [each for each in known if each[0] <= now_ms]
        return (begun[-1] if begun else known[0])[1]


class SecretKeys:
    """The key ring in Secrets Manager: JSON {"keys": {key id: {"pem", "signsFrom", "goodUntil"}}}."""

    def __init__(self, client: SecretsManagerClient, secret: str, clock: Clock) -> None:
        self._client: Any = client
        self._secret = secret
        self._clock = clock
        self._ring: KeyRing | None = None
        self._read_at_ms = 0
        self._lock = threading.Lock()

    def signing_key(self) -> tuple[str, Ed25519PrivateKey]:
        """The key to sign with now, and its id.

        Raises:
            Unavailable: Secrets Manager does not answer, and never did.
        """
        ring = self._current()
        name = ring.signer(self._clock.machine_ms())
        return name, ring.keys[name].private

    def verifying_key(self, key_id: str) -> Ed25519PrivateKey | None:
        """The key of that id, None when there is none that still verifies. An unknown id makes us look again."""
        ring, now = self._current(), self._clock.machine_ms()
        if key_id not in ring.keys and now - self._read_at_ms >= LOOKED_AGAIN_AFTER_MS:
            ring = self._current(older_than_ms=LOOKED_AGAIN_AFTER_MS)
        key = ring.keys.get(key_id)
        return key.private if key is not None and now < key.good_until_ms else None

    def verifying_keys(self) -> dict[str, Ed25519PrivateKey]:
        """Every key that verifies now or will, by id."""
        now = self._clock.machine_ms()
        return {name: key.private for name, key in self._current().keys.items() if now < key.good_until_ms}

    def newest_since_ms(self) -> int:
        """Since when the newest key signs, or when it will begin."""
        return max(key.signs_from_ms for key in self._current().keys.values())

    def rotate(self, *, at_once: bool = False) -> str:
        """Make a new key and return its id. It is published now and signs in ten minutes; the others verify for another
        25 hours and are left out of the secret by the rotation after that. Of two rotations at once one happens.

        `at_once` is for keys that somebody may have stolen: the new one signs now and the others are gone, in other
        processes after five minutes at most. Everybody logs in anew.

        Raises:
            Unavailable: Secrets Manager does not answer.
        """
        with self._lock:
            ring, now = self._read_or_make(), self._clock.machine_ms()
            begins = now if at_once else now + SIGNS_AFTER_MS
            kept = {
                name: TokenKey(key.private, key.signs_from_ms, min(key.good_until_ms, begins + VERIFIES_ON_MS))
                for name, key in ring.keys.items()
                if now < key.good_until_ms and not at_once
            }
            name, key = _new_key(begins)
            token = hashlib.sha256(f"after {ring.version}".encode()).hexdigest()
            try:
                self._client.put_secret_value(
                    SecretId=self._secret, SecretString=_text(kept | {name: key}), ClientRequestToken=token
                )
            except BotoCoreError as error:
                raise Unavailable("Secrets Manager does not answer.") from error
            except ClientError as error:
                if error.response["Error"]["Code"] != "ResourceExistsException":
                    raise
            self._ring = ring = self._read_or_make()
            return max(ring.keys, key=lambda each: ring.keys[each].signs_from_ms)

    def _current(self, older_than_ms: int = READ_AGAIN_AFTER_MS) -> KeyRing:
        with self._lock:
            if self._ring is None:
                self._ring = self._read_or_make()
            elif self._clock.machine_ms() - self._read_at_ms >= older_than_ms:
                try:
                    self._ring = self._read_or_make()
                except Unavailable:
                    # What is known stays good; the next call but a few looks again.
                    return self._ring
            return self._ring

    def _read_or_make(self) -> KeyRing:
        self._read_at_ms = self._clock.machine_ms()
        try:
            ring = self._read()
            if ring is None:
                name, key = _new_key(self._clock.machine_ms())
                self._write_first(_text({name: key}))
                ring = self._read()
        except BotoCoreError as error:
            raise Unavailable("Secrets Manager does not answer.") from error
        if ring is None:
            raise Unavailable("There are no signing keys.")
        return ring

    def _read(self) -> KeyRing | None:
        """The value; None where there is no secret, no value, or one that a template put there."""
        try:
            answer = self._client.get_secret_value(SecretId=self._secret)
        except ClientError as error:
            if error.response["Error"]["Code"] == "ResourceNotFoundException":
                return None
            raise
        return _parsed(str(answer.get("SecretString", "")), str(answer.get("VersionId", "")))

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


def _new_key(signs_from_ms: int) -> tuple[str, TokenKey]:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    private = Ed25519PrivateKey.generate()
    return key_id_of(public_bytes(private)), TokenKey(private, signs_from_ms, FOR_EVER)


def _text(keys: Mapping[str, TokenKey]) -> str:
    from cryptography.hazmat.primitives import serialization

    def pem(key: TokenKey) -> str:
        encoding, kind = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
        return key.private.private_bytes(encoding, kind, serialization.NoEncryption()).decode()

    shown = {
        name: {"pem": pem(key), "signsFrom": key.signs_from_ms, "goodUntil": key.good_until_ms}
        for name, key in keys.items()
    }
    return json.dumps({"keys": shown})


def _parsed(text: str, version: str) -> KeyRing | None:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        value = json.loads(text)
    except ValueError:
        return None
    if not isinstance(value, dict) or not isinstance(value.get("keys"), dict) or not value["keys"]:
        return None
    keys: dict[str, TokenKey] = {}
    for name, each in value["keys"].items():
        private = load_pem_private_key(each["pem"].encode(), password=None)
        if not isinstance(private, Ed25519PrivateKey):
            raise TypeError(f"the signing key {name} is not an Ed25519 key")
        keys[name] = TokenKey(private, each["signsFrom"], each["goodUntil"])
    return KeyRing(keys, version)
