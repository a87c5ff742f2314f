"""Objects and secrets that survive SIGKILL: one file each, replaced whole before the call is answered."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

from moto.s3.models import S3Backend
from moto.secretsmanager.models import SecretsManagerBackend

from infra.local.write_ahead_log import replace_file


class KeptObjects:
    """The content of S3 objects. Metadata but the content type, and old versions, are not kept."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @contextmanager
    def kept(self) -> Iterator[None]:
        """While this is open, each put and delete reaches the disk before its answer."""
        put_object, delete_object = S3Backend.put_object, S3Backend.delete_object

        def put(backend: Any, bucket_name: str, key_name: str, value: bytes, *args: Any, **kwargs: Any) -> Any:
            key = put_object(backend, bucket_name, key_name, value, *args, **kwargs)
            self._write(bucket_name, key_name, value)
            return key

        def delete(backend: Any, bucket_name: str, key_name: str, *args: Any, **kwargs: Any) -> Any:
            answer = delete_object(backend, bucket_name, key_name, *args, **kwargs)
            for path in self._paths(bucket_name, key_name):
                path.unlink(missing_ok=True)
            return answer

        with patch.object(S3Backend, "put_object", put), patch.object(S3Backend, "delete_object", delete):
            yield

    def restore(self, backend: Any) -> None:
        """Put what was kept into the buckets that exist. A file that is not whole was never acknowledged: skipped."""
        for named in sorted(self._folder.glob("*/*.name")):
            bucket = named.parent.name
            content = named.with_suffix(".content")
            if bucket in backend.buckets and content.exists():
                S3Backend.put_object(backend, bucket, named.read_text(encoding="utf-8"), content.read_bytes())

    def _write(self, bucket: str, key: str, value: bytes) -> None:
        content, named = self._paths(bucket, key)
        content.parent.mkdir(parents=True, exist_ok=True)
        replace_file(content, bytes(value))
        if not named.exists():
            replace_file(named, key.encode())

    def _paths(self, bucket: str, key: str) -> tuple[Path, Path]:
        # A key may hold any character; a digest of it is a safe file name.
        stem = self._folder / bucket / hashlib.sha256(key.encode()).hexdigest()
        return stem.with_suffix(".content"), stem.with_suffix(".name")


_CHANGES = ("create_secret", "put_secret_value", "update_secret", "delete_secret", "update_secret_version_stage")


class KeptSecrets:
    """The present and the previous value of each secret, in one file that only its owner may read."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "secrets.json"

    @contextmanager
    def kept(self) -> Iterator[None]:
        """While this is open, each change of a secret reaches the disk before its answer."""

        def keeping(change: Any) -> Any:
            def changed(backend: Any, *args: Any, **kwargs: Any) -> Any:
                answer = change(backend, *args, **kwargs)
                self._write(backend)
                return answer

            return changed

        replacements = {name: keeping(getattr(SecretsManagerBackend, name)) for name in _CHANGES}
        with patch.multiple(SecretsManagerBackend, **replacements):
            yield

    def stored(self) -> dict[str, list[dict[str, str]]]:
        """For each secret its values, oldest first; a value is {"text": ...} or {"base64": ...}."""
        if not self._file.exists():
            return {}
        values: dict[str, list[dict[str, str]]] = json.loads(self._file.read_bytes())
        return values

    def restore(self, client: Any) -> None:
        """Write the kept values into the secrets, which exist."""
        for name, values in self.stored().items():
            for value in values:
                if "text" in value:
                    client.put_secret_value(SecretId=name, SecretString=value["text"])
                else:
                    client.put_secret_value(SecretId=name, SecretBinary=base64.b64decode(value["base64"]))

    def _write(self, backend: Any) -> None:
        kept: dict[str, list[dict[str, str]]] = {}
        for secret in backend.secrets.values():
            if secret.is_deleted():
                continue
            kept[secret.name] = [
                value
                for stage in ("AWSPREVIOUS", "AWSCURRENT")
                for version in (secret.versions or {}).values()
                if stage in version["version_stages"] and (value := _value(version)) is not None
            ]
        self._file.parent.mkdir(parents=True, exist_ok=True)
        replace_file(self._file, json.dumps(kept).encode())


def _value(version: dict[str, Any]) -> dict[str, str] | None:
    if version.get("secret_string") is not None:
        return {"text": version["secret_string"]}
    if version.get("secret_binary") is not None:
        binary = version["secret_binary"]
        return {"base64": binary if isinstance(binary, str) else base64.b64encode(binary).decode("ascii")}
    return None
