"""The master key that callback tokens and receivers' secrets are derived from: one secret, made by whoever starts first."""

from __future__ import annotations

import base64
import secrets
import threading
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.domain.errors import Unavailable
from chalicelib.domain.seal import MasterKey

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

KEY_BYTES = 32
FIRST_VERSION = "hotswap-master-key-first-version"
"""The idempotency token of the first value: of two that write it at once Secrets Manager keeps one and refuses one."""


class SecretMasterKey:
    """32 random bytes in base64 in Secrets Manager, read once per process."""

    def __init__(self, client: SecretsManagerClient, secret: str) -> None:
        self._client: Any = client
        self._secret = secret
        self._key: MasterKey | None = None
        self._lock = threading.Lock()

    def __call__(self) -> MasterKey:
        """The key; made when there is none yet.

        Raises:
            Unavailable: Secrets Manager does not answer, or holds something that is no key.
        """
        with self._lock:
            if self._key is None:
                self._key = self._read_or_make()
            return self._key

    def _read_or_make(self) -> MasterKey:
        try:
            found = self._read()
            if found is None:
                self._write_first()
                found = self._read()
        except (BotoCoreError, ClientError) as error:
            raise Unavailable("Secrets Manager does not answer.") from error
        if found is None or len(found) != KEY_BYTES:
            raise Unavailable("There is no master key.")
        return MasterKey(found)

    def _read(self) -> bytes | None:
        try:
            text = str(self._client.get_secret_value(SecretId=self._secret).get("SecretString", ""))
        except ClientError as error:
            if error.response["Error"]["Code"] == "ResourceNotFoundException":
                return None
            raise
        try:
            return base64.b64decode(text, validate=True) or None
        except ValueError:
            return None

    def _write_first(self) -> None:
        text = base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()
        try:
            self._client.put_secret_value(SecretId=self._secret, SecretString=text, ClientRequestToken=FIRST_VERSION)
        except ClientError as error:
            # Whoever comes second reads what the first one wrote.
            if error.response["Error"]["Code"] != "ResourceExistsException":
                raise
