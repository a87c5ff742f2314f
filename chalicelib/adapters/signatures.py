"""Implements Signatures: Ed25519."""

from __future__ import annotations

import base64
import binascii


class Ed25519Signatures:
    """Checks signatures; it cannot make any."""

    def verifies(self, *, public_key: str, signature: str, message: bytes) -> bool:
        """Whether a signature (base64, 64 bytes) over `message` is by `public_key` (base64, 32 bytes)."""
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        try:
            key = Ed25519PublicKey.from_public_bytes(_bytes_of(public_key, 32))
            key.verify(_bytes_of(signature, 64), message)
        except (InvalidSignature, ValueError):
            return False
        return True


def _bytes_of(text: str, length: int) -> bytes:
    """What standard base64 with padding stands for; only the one text that encodes it is accepted."""
    try:
        content = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError("not base64") from error
    if len(content) != length or base64.b64encode(content).decode() != text:
        raise ValueError(f"not the one base64 text of {length} bytes")
    return content
