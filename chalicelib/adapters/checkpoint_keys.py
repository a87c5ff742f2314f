"""Implements CheckpointSigner and AuditKeys: the key that seals the audit, and where its public half is kept.

The private key is in a secret that only the sweeps may read. Its public half is in another one, outside of the table:
whoever can rewrite the table cannot make the service believe checkpoints of a key of their own.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.adapters.secret_keys import SecretKeys, key_id_of, public_bytes
from chalicelib.domain.errors import Unavailable
from chalicelib.usecases.ports import SignedBy

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient


class PublishedKeys:
    """Every key that ever sealed: JSON {"keys": {key id: public key}}. One is added before it seals, none is removed."""

    def __init__(self, client: SecretsManagerClient, secret: str) -> None:
        self._client: Any = client
        self._secret = secret

    def public_keys(self) -> Mapping[str, str]:
        """Key id -> public key (base64); empty before the first checkpoint.

        Raises:
            Unavailable: Secrets Manager does not answer.
        """
        return self._read()[0]

    def publish(self, key_id: str, public_key: str) -> None:
        """Add a key, if it is not there. Of two that add one at once the second is told to try again.

        Raises:
            Unavailable: Secrets Manager does not answer, or somebody else was faster.
        """
        keys, version = self._read()
        if keys.get(key_id) == public_key:
            return
        text = json.dumps({"keys": {**keys, key_id: public_key}}, sort_keys=True)
        token = hashlib.sha256(f"after {version}".encode()).hexdigest()
        value = {"SecretString": text, "ClientRequestToken": token}
        try:
            try:
                self._client.put_secret_value(SecretId=self._secret, **value)
            except ClientError as error:
                if error.response["Error"]["Code"] != "ResourceNotFoundException":
                    raise
                self._client.create_secret(Name=self._secret, **value)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceExistsException":
                raise
            raise Unavailable("Another key was published at the same time.") from error
        except BotoCoreError as error:
            raise Unavailable("Secrets Manager does not answer.") from error

    def _read(self) -> tuple[dict[str, str], str]:
        try:
            answer = self._client.get_secret_value(SecretId=self._secret)
        except ClientError as error:
            if error.response["Error"]["Code"] == "ResourceNotFoundException":
                return {}, ""
            raise
        except BotoCoreError as error:
            raise Unavailable("Secrets Manager does not answer.") from error
        try:
            value = json.loads(str(answer.get("SecretString", "")))
        except ValueError:
            value = None  # what a template put there
        keys = value.get("keys", {}) if isinstance(value, dict) else {}
        return {str(name): str(key) for name, key in keys.items()}, str(answer.get("VersionId", ""))


class SecretCheckpointKeys:
    """An Ed25519 key in a secret of its own; made by the first sweep that needs it, published before it seals."""

    def __init__(self, keys: SecretKeys, published: PublishedKeys) -> None:
        self._keys = keys
        self._published = published
        self._known: str | None = None

    def sign(self, message: bytes) -> SignedBy:
        """The signature of the current key.

        Raises:
            Unavailable: the key cannot be had, or its public half cannot be published.
        """
        _, key = self._keys.signing_key()
        public = public_bytes(key)
        key_id, public_key = key_id_of(public), base64.b64encode(public).decode()
        if self._known != key_id:
            self._published.publish(key_id, public_key)
            self._known = key_id
        return SignedBy(
            key_id=key_id,
            public_key=public_key,
            signature=base64.b64encode(key.sign(message)).decode(),
        )
