"""Implements CheckpointSigner: the key that seals the audit, which nothing but the sweeps may read."""

from __future__ import annotations

import base64

from chalicelib.adapters.secret_keys import SecretKeys, key_id_of, public_bytes
from chalicelib.usecases.ports import SignedBy


class SecretCheckpointKeys:
    """An Ed25519 key in a secret of its own; made by the first sweep that needs it."""

    def __init__(self, keys: SecretKeys) -> None:
        self._keys = keys

    def sign(self, message: bytes) -> SignedBy:
        """The signature of the current key."""
        _, key = self._keys.signing_key()
        public = public_bytes(key)
        return SignedBy(
            key_id=key_id_of(public),
            public_key=base64.b64encode(public).decode(),
            signature=base64.b64encode(key.sign(message)).decode(),
        )
