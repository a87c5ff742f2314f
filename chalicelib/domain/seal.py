"""What we sign for receivers outside, and how they check it: Standard Webhooks 1.0.0, HMAC-SHA256.

Every secret is derived from one master key and the name of what it is for, so that there is one value to keep safe,
nothing to run out of, and nothing to store in the table. Whoever gets a secret is shown it once.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from chalicelib.domain.errors import NotAuthenticated

TOLERANCE_S = 300
"""A message older (or newer) than this is refused: within the window its id tells a replay, outside its time does."""

ID_HEADER, TIMESTAMP_HEADER, SIGNATURE_HEADER = "webhook-id", "webhook-timestamp", "webhook-signature"
_PREFIX = "whsec_"


@dataclass(frozen=True, slots=True)
class MasterKey:
    """32 random bytes nobody is shown."""

    key: bytes

    def __repr__(self) -> str:
        return "MasterKey(…)"

    def derived(self, purpose: str, *names: str) -> bytes:
        """The 32 bytes for one purpose and subject; others follow from them no more than the master key does."""
        text = "\0".join((purpose, *names)).encode()
        return hmac.new(self.key, text, hashlib.sha256).digest()

    def secret(self, subject: str, version: int) -> str:
        """The secret of a receiver, as it is shown once: `whsec_` and base64."""
        return _PREFIX + base64.b64encode(self.derived("webhook-secret", subject, str(version))).decode()

    def callback_token(self, call_id: str) -> str:
        """The token that answers one call and no other."""
        derived = self.derived("callback", call_id)
        return "hsc_" + base64.urlsafe_b64encode(derived).decode().rstrip("=")


def signed_headers(secrets: Sequence[str], *, message_id: str, at_s: int, body: bytes) -> dict[str, str]:
    """The three headers of a message, signed with every secret that is valid now."""
    signatures = " ".join("v1," + _signature(secret, message_id, str(at_s), body) for secret in secrets)
    return {ID_HEADER: message_id, TIMESTAMP_HEADER: str(at_s), SIGNATURE_HEADER: signatures}


def verify(secret: str, headers: Mapping[str, str], body: bytes, *, now_s: int, tolerance_s: int = TOLERANCE_S) -> str:
    """The id of a message that is really ours; keep it for `tolerance_s` and refuse it when it comes again.

    `body` is the bytes as they arrived, before anybody parsed them.

    Raises:
        NotAuthenticated: a header is missing, the time is too far from now, or no signature fits.
    """
    given = {name.lower(): value for name, value in headers.items()}
    message_id, at = given.get(ID_HEADER, ""), given.get(TIMESTAMP_HEADER, "")
    signatures = given.get(SIGNATURE_HEADER, "").split(" ")
    if not message_id or not at.isascii() or not at.isdigit() or len(at) > 12:
        raise NotAuthenticated("The message carries no id and time.")
    if abs(now_s - int(at)) > tolerance_s:
        raise NotAuthenticated("The message is not of now.")
    expected = ("v1," + _signature(secret, message_id, at, body)).encode()
    fits = [hmac.compare_digest(expected, each.encode("utf-8", "replace")) for each in signatures[:10]]
    if not any(fits):
        raise NotAuthenticated("No signature of the message fits.")
    return message_id


def _signature(secret: str, message_id: str, at: str, body: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(_PREFIX))
    signed = b".".join((message_id.encode(), at.encode(), body))
    return base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
