"""From verified bytes to a folder that may be run: every name and limit is checked before anything is written."""

import io
import os
import re
import stat
import struct
import unicodedata
import zipfile
import zlib
from pathlib import Path

from kernel.artifact import ArtifactRef
from kernel.manifest import MAX_MANIFEST_BYTES, Manifest, parse_manifest
from kernel.reasons import OrderError, Reason

MAX_UNPACKED_BYTES = 500 * 1024 * 1024
MAX_ENTRIES = 10_000
_CHUNK = 64 * 1024
_END_OF_DIRECTORY = struct.Struct("<4s4H2LH")
_DIRECTORY_ENTRY_BYTES = 46
_ENCRYPTED = 0x1
# All of them come out of zipfile for some damaged zip.
_UNREADABLE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    OverflowError,
    RuntimeError,
    ValueError,
)
_DRIVE = re.compile(r"[A-Za-z]:")


def unpack(data: bytes, ref: ArtifactRef, folder: Path, *, max_unpacked_bytes: int = MAX_UNPACKED_BYTES) -> Manifest:
    """Write the files of a verified artifact into an empty folder and return its manifest.

    The caller removes the folder when this raises: a zip that lies about its sizes is only found out while unpacking.

    Raises:
        OrderError: ARTIFACT_NOT_A_ZIP, _TOO_LARGE, _UNSAFE_PATH, _MANIFEST_INVALID, _MANIFEST_MISMATCH or DISK_FULL.
    """
    try:
        _refuse_too_many_entries(data)
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            _check_limits(entries, max_unpacked_bytes)
            _check_names(entries)
            manifest = _manifest(archive)
            _check_registration(manifest, ref)
            _write(archive, entries, folder, max_unpacked_bytes)
            return manifest
    except UnicodeError as error:
        raise OrderError(Reason.ARTIFACT_UNSAFE_PATH, f"a name cannot be written: {error}") from error
    except _UNREADABLE as error:
        raise OrderError(Reason.ARTIFACT_NOT_A_ZIP, f"not a readable zip: {error}") from error
    except OSError as error:
        raise OrderError(Reason.DISK_FULL, f"could not write the files: {error.strerror or error}") from error


def _refuse_too_many_entries(data: bytes) -> None:
    # zipfile builds an object per entry before anybody can ask how many there are; a million of them is an attack.
    end = data.rfind(b"PK\x05\x06", max(0, len(data) - 65_557))
    if end < 0 or end + _END_OF_DIRECTORY.size > len(data):
        raise zipfile.BadZipFile("no end of central directory")
    size = _END_OF_DIRECTORY.unpack_from(data, end)[5]
    at, entries = max(0, end - size), 0
    while at + _DIRECTORY_ENTRY_BYTES <= end and data[at : at + 4] == b"PK\x01\x02":
        entries += 1
        if entries > MAX_ENTRIES:
            raise OrderError(Reason.ARTIFACT_TOO_LARGE, f"more than {MAX_ENTRIES} entries")
        at += _DIRECTORY_ENTRY_BYTES + sum(struct.unpack_from("<3H", data, at + 28))


def _check_limits(entries: list[zipfile.ZipInfo], max_unpacked_bytes: int) -> None:
    if len(entries) > MAX_ENTRIES:
        raise OrderError(Reason.ARTIFACT_TOO_LARGE, f"more than {MAX_ENTRIES} entries")
    if sum(entry.file_size for entry in entries) > max_unpacked_bytes:
        raise OrderError(Reason.ARTIFACT_TOO_LARGE, f"more than {max_unpacked_bytes} bytes unpacked")
    for entry in entries:
        if entry.flag_bits & _ENCRYPTED:
            raise zipfile.BadZipFile("an entry is encrypted")
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise zipfile.BadZipFile(f"compression method {entry.compress_type}")


def _check_names(entries: list[zipfile.ZipInfo]) -> None:
    seen: set[tuple[str, ...]] = set()
    files: set[tuple[str, ...]] = set()
    for entry in entries:
        # orig_filename, because zipfile cuts the other one at a NUL, and what was checked must be what is written.
        parts = _safe_parts(entry.orig_filename)
        if stat.S_IFMT(entry.external_attr >> 16) not in (0, stat.S_IFREG, stat.S_IFDIR):
            _unsafe(entry.orig_filename, "is a link or a device")
        key = tuple(unicodedata.normalize("NFC", part).casefold() for part in parts)
        if key in seen:
            _unsafe(entry.orig_filename, "stands twice")
        seen.add(key)
        if not entry.is_dir():
            files.add(key)
    for key in seen:
        if any(key[:length] in files for length in range(1, len(key))):
            _unsafe("/".join(key), "lies below a file")


def _safe_parts(name: str) -> tuple[str, ...]:
    if "\\" in name or _DRIVE.match(name) or any(ord(character) < 32 for character in name):
        _unsafe(name, "holds a backslash, a drive or a control character")
    parts = tuple(name.removesuffix("/").split("/"))
    if any(part in ("", ".", "..") or len(part.encode()) > 255 for part in parts) or len(name) > 1024:
        _unsafe(name, "is absolute, leaves the folder or is too long")
    return parts


def _unsafe(name: str, why: str) -> None:
    raise OrderError(Reason.ARTIFACT_UNSAFE_PATH, f"{name[:200]!r} {why}")


def _manifest(archive: zipfile.ZipFile) -> Manifest:
    try:
        entry = archive.getinfo("hotswap.json")
    except KeyError as error:
        raise OrderError(Reason.ARTIFACT_MANIFEST_INVALID, "no hotswap.json at the root") from error
    with archive.open(entry) as stream:
        return parse_manifest(stream.read(MAX_MANIFEST_BYTES + 1))


def _check_registration(manifest: Manifest, ref: ArtifactRef) -> None:
    if (manifest.name, manifest.version) != (ref.name, ref.version):
        raise OrderError(
            Reason.ARTIFACT_MANIFEST_MISMATCH,
            f"the manifest says {manifest.name} {manifest.version}, registered is {ref.name} {ref.version}",
        )


def _write(archive: zipfile.ZipFile, entries: list[zipfile.ZipInfo], folder: Path, max_unpacked_bytes: int) -> None:
    left = max_unpacked_bytes
    for entry in entries:
        target = folder.joinpath(*_safe_parts(entry.orig_filename))
        if entry.is_dir():
            target.mkdir(parents=True, exist_ok=True)
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        runnable = bool(entry.external_attr >> 16 & stat.S_IXUSR)
        left = _write_file(archive, entry, target, 0o755 if runnable else 0o644, left)


def _write_file(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path, mode: int, left: int) -> int:
    # O_EXCL: the folder was empty and no name stands twice, so an existing file is a trick nobody thought of.
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0), mode)
    with os.fdopen(descriptor, "wb") as file, archive.open(entry) as stream:
        while chunk := stream.read(_CHUNK):
            left -= len(chunk)
            if left < 0:
                raise OrderError(Reason.ARTIFACT_TOO_LARGE, "unpacks to more than its directory says or is allowed")
            file.write(chunk)
    return left
