"""The named reasons for which a node refuses an artifact or fails an order; the words of docs/contracts/."""

from enum import StrEnum


class Reason(StrEnum):
    """Why an order was not carried out. The control plane uses the same words."""

    ARTIFACT_DIGEST_MISMATCH = "ARTIFACT_DIGEST_MISMATCH"
    ARTIFACT_SIZE_MISMATCH = "ARTIFACT_SIZE_MISMATCH"
    ARTIFACT_UNSIGNED = "ARTIFACT_UNSIGNED"
    ARTIFACT_KEY_UNKNOWN = "ARTIFACT_KEY_UNKNOWN"
    ARTIFACT_KEY_NOT_YET_VALID = "ARTIFACT_KEY_NOT_YET_VALID"
    ARTIFACT_KEY_EXPIRED = "ARTIFACT_KEY_EXPIRED"
    ARTIFACT_KEY_REVOKED = "ARTIFACT_KEY_REVOKED"
    ARTIFACT_SIGNATURE_INVALID = "ARTIFACT_SIGNATURE_INVALID"
    ARTIFACT_UNSAFE_PATH = "ARTIFACT_UNSAFE_PATH"
    ARTIFACT_TOO_LARGE = "ARTIFACT_TOO_LARGE"
    ARTIFACT_NOT_A_ZIP = "ARTIFACT_NOT_A_ZIP"
    ARTIFACT_MANIFEST_INVALID = "ARTIFACT_MANIFEST_INVALID"
    ARTIFACT_MANIFEST_MISMATCH = "ARTIFACT_MANIFEST_MISMATCH"
    ARTIFACT_MISSING = "ARTIFACT_MISSING"
    CONFIGURATION_MISSING = "CONFIGURATION_MISSING"
    DOWNLOAD_FAILED = "DOWNLOAD_FAILED"
    START_FAILED = "START_FAILED"
    HEALTH_CHECK_FAILED = "HEALTH_CHECK_FAILED"
    SMOKE_TEST_FAILED = "SMOKE_TEST_FAILED"
    DISK_FULL = "DISK_FULL"


# The same order may well succeed a little later, without anybody having changed anything about the artifact.
TRANSIENT = frozenset({Reason.DOWNLOAD_FAILED, Reason.ARTIFACT_MISSING, Reason.DISK_FULL})


class OrderError(Exception):
    """An order, or the artifact it names, was refused. `reason` is for programs, `detail` for people."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
