"""From an artifact's reference to a version that can be started: get the bytes, verify them, unpack those very bytes."""

import asyncio
import shutil
import tempfile
import time
from collections.abc import Collection
from pathlib import Path

from kernel.artifact import (
    ArtifactRef,
    TrustRoots,
    verify_bytes,
    verify_not_revoked,
    verify_signature,
    verify_validity,
)
from kernel.control_plane import ControlPlane
from kernel.logs import log
from kernel.manifest import Manifest
from kernel.messages import Wanted
from kernel.metrics import Meters
from kernel.orphans import ChildRecords
from kernel.reasons import OrderError, Reason
from kernel.resident import Pace, Resident
from kernel.state import NodeState
from kernel.unpack import unpack

DOWNLOAD_ATTEMPTS = 3
DOWNLOAD_PAUSE_S = 0.2


class NoLinkError(OrderError):
    """The node lacks bytes or configuration and was given neither, because its last report said otherwise."""

    def __init__(self) -> None:
        super().__init__(Reason.DOWNLOAD_FAILED, "the node lacks bytes or configuration and was given neither")


class Provision:
    """Makes residents for one node.

    The bytes are read into memory once, verified there and unpacked from there: nothing on the disk can change between
    the check and the use. The kept zip is only a way not to download again, and is verified again each time.
    """

    def __init__(
        self,
        *,
        state: NodeState,
        control_plane: ControlPlane,
        trust_roots: TrustRoots,
        node_id: str,
        meters: Meters,
        records: ChildRecords,
        pace: Pace,
    ) -> None:
        self._state, self._control_plane, self._trust_roots = state, control_plane, trust_roots
        self._node_id, self._meters, self._records, self._pace = node_id, meters, records, pace
        self._revoked = state.revoked_keys()
        self._unpacked = state.folder / "unpacked"
        shutil.rmtree(self._unpacked, ignore_errors=True)
        self._unpacked.mkdir()

    def distrust(self, key_ids: Collection[str]) -> None:
        """Take in nothing new that one of these keys signed, from now on and for good.

        What the node has already goes on running and may be started again: who revokes a key rolls back besides.
        """
        added = sorted(set(key_ids) - self._revoked)
        if not added:
            return
        self._revoked |= set(added)
        log("keys_revoked", node_id=self._node_id, key_ids=added)
        try:
            self._state.keep_revoked_keys(self._revoked)
        except OSError as error:
            # They count all the same until a restart, and the next answer after it names them again.
            log("keys_revoked_not_kept", node_id=self._node_id, error=repr(error))

    async def ordered(self, wanted: Wanted) -> Resident:
        """A version an order asks for, from the kept zip or the link, not started yet.

        Raises:
            OrderError: any of the reasons of an artifact, DOWNLOAD_FAILED or DISK_FULL.
        """
        verify_signature(wanted.ref, self._trust_roots)
        kept = await asyncio.to_thread(self._kept, wanted.ref)
        if kept is None:
            verify_not_revoked(wanted.ref, self._revoked)
            verify_validity(wanted.ref, self._trust_roots, now_ms=int(time.time() * 1000))
        data = kept if kept is not None else await self._downloaded(wanted)
        await self._keep_configuration(wanted)
        resident = await self._resident(wanted.ref, data)
        if kept is None:
            await self._keep(wanted.ref, data, resident)
        return resident

    async def remembered(self, ref: ArtifactRef) -> Resident:
        """A version the node ran before it was restarted, from the kept zip, not started yet.

        Raises:
            OrderError: the zip is gone or is not what was signed any more.
        """
        verify_signature(ref, self._trust_roots)
        kept = await asyncio.to_thread(self._kept, ref)
        if kept is None:
            raise OrderError(Reason.ARTIFACT_MISSING, "the kept zip is gone or damaged")
        if ref.configuration and not self._state.configuration_path(ref).exists():
            raise OrderError(Reason.CONFIGURATION_MISSING, "the kept configuration is gone")
        return await self._resident(ref, kept)

    def _kept(self, ref: ArtifactRef) -> bytes | None:
        try:
            data = self._state.artifact_path(ref.digest).read_bytes()
            verify_bytes(data, ref)
        except (OSError, OrderError):
            return None
        return data

    async def _downloaded(self, wanted: Wanted) -> bytes:
        if wanted.download_url is None:
            raise NoLinkError
        for attempt in range(DOWNLOAD_ATTEMPTS):
            try:
                data = await self._control_plane.download(wanted.download_url, size=wanted.ref.size)
                break
            except OrderError as error:
                if error.reason is not Reason.DOWNLOAD_FAILED or attempt == DOWNLOAD_ATTEMPTS - 1:
                    raise
            await asyncio.sleep(DOWNLOAD_PAUSE_S * 2**attempt)
        await asyncio.to_thread(verify_bytes, data, wanted.ref)
        return data

    async def _keep_configuration(self, wanted: Wanted) -> None:
        """A revision never changes, so what is kept of it stays good."""
        ref = wanted.ref
        if not ref.configuration or self._state.configuration_path(ref).exists():
            return
        if wanted.values is None:
            raise NoLinkError
        try:
            await asyncio.to_thread(self._state.keep_configuration, ref, wanted.values)
        except OSError as error:
            raise OrderError(Reason.DISK_FULL, f"could not keep the configuration: {error.strerror}") from error

    async def _keep(self, ref: ArtifactRef, data: bytes, resident: Resident) -> None:
        try:
            await asyncio.to_thread(self._state.keep_artifact, ref.digest, data)
        except BaseException as error:
            await resident.retire(drain=False)
            if isinstance(error, OSError):
                raise OrderError(Reason.DISK_FULL, f"could not keep the zip: {error.strerror}") from error
            raise

    async def _resident(self, ref: ArtifactRef, data: bytes) -> Resident:
        # A thread cannot be cancelled: whoever gives up on it must still have its folder removed.
        unpacking = asyncio.ensure_future(asyncio.to_thread(self._unpack, ref, data))
        try:
            manifest, folder = await asyncio.shield(unpacking)
        except asyncio.CancelledError:
            unpacking.add_done_callback(_discard)
            raise
        return Resident(
            ref,
            manifest,
            folder,
            node_id=self._node_id,
            meters=self._meters,
            records=self._records,
            pace=self._pace,
            configuration=self._state.configuration_path(ref) if ref.configuration else None,
        )

    def _unpack(self, ref: ArtifactRef, data: bytes) -> tuple[Manifest, Path]:
        try:
            folder = Path(tempfile.mkdtemp(prefix=f"{ref.name}-", dir=self._unpacked))
        except OSError as error:
            raise OrderError(Reason.DISK_FULL, f"no folder to unpack into: {error.strerror}") from error
        try:
            return unpack(data, ref, folder), folder
        except OrderError:
            shutil.rmtree(folder, ignore_errors=True)
            raise


def _discard(unpacking: "asyncio.Future[tuple[Manifest, Path]]") -> None:
    if not unpacking.cancelled() and unpacking.exception() is None:
        shutil.rmtree(unpacking.result()[1], ignore_errors=True)
