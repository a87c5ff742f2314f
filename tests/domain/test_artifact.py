"""An artifact is exactly what was registered, or is refused with one of the contract's reasons."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import stat
import struct
import warnings
import zipfile
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.artifact import MAX_ENTRIES, MAX_MANIFEST_BYTES, Manifest, check_artifact, parse_manifest
from chalicelib.domain.errors import ArtifactRefused
from chalicelib.domain.module import MAX_ARTIFACT_BYTES, ModuleVersion
from tests.builders import MODULE, a_version

MANIFEST: dict[str, Any] = {"name": MODULE, "version": "2.0.0", "command": ["python3", "main.py"]}
Entry = tuple[str | zipfile.ZipInfo, bytes]


def a_zip(*entries: Entry, manifest: dict[str, Any] | None = MANIFEST, packed: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip with the manifest at its root and these entries."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", packed) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if manifest is not None:
            archive.writestr("hotswap.json", json.dumps(manifest))
        for name, content in entries:
            archive.writestr(name, content)
    return file.getvalue()


def registered(content: bytes) -> ModuleVersion:
    """A version registered with the digest and size of these bytes."""
    return a_version(digest="sha256:" + hashlib.sha256(content).hexdigest(), size=len(content))


def refusal(content: bytes | None, version: ModuleVersion | None = None) -> str:
    with pytest.raises(ArtifactRefused) as refused:
        check_artifact(content, version or registered(content or b""))
    return refused.value.reason


def test_an_artifact_that_is_what_was_registered_gives_its_manifest() -> None:
    content = a_zip(("main.py", b"print()"), ("static/", b""), ("static/index.html", b""))

    manifest = check_artifact(content, registered(content))

    assert manifest == Manifest(name=MODULE, version="2.0.0", command=("python3", "main.py"))


def test_what_was_never_uploaded_is_missing() -> None:
    assert refusal(None) == "ARTIFACT_MISSING"


def test_more_bytes_than_the_limit_are_refused_before_anything_is_read_of_them() -> None:
    assert refusal(b"\0" * (MAX_ARTIFACT_BYTES + 1)) == "ARTIFACT_TOO_LARGE"


@pytest.mark.parametrize("difference", [-1, 1])
def test_another_length_than_registered_is_refused(difference: int) -> None:
    content = a_zip()
    version = replace(registered(content), size=len(content) + difference)

    assert refusal(content, version) == "ARTIFACT_SIZE_MISMATCH"


@given(st.data())
def test_one_changed_byte_is_another_digest(data: st.DataObject) -> None:
    content = a_zip()
    place = data.draw(st.integers(0, len(content) - 1))
    changed = content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]

    assert refusal(changed, registered(content)) == "ARTIFACT_DIGEST_MISMATCH"


@pytest.mark.parametrize("changes", [{"name": "another-module"}, {"version": "2.0.1"}])
def test_a_manifest_of_something_else_than_was_registered_is_refused(changes: dict[str, str]) -> None:
    assert refusal(a_zip(manifest=MANIFEST | changes)) == "ARTIFACT_MANIFEST_MISMATCH"


@pytest.mark.parametrize("content", [b"", b"PK", b"no zip at all", a_zip()[:-30]])
def test_what_cannot_be_read_as_a_zip_is_refused(content: bytes) -> None:
    assert refusal(content) == "ARTIFACT_NOT_A_ZIP"


def test_packed_bytes_that_do_not_unpack_are_not_a_zip() -> None:
    content = bytearray(a_zip())
    begin = content.index(b"hotswap.json") + len("hotswap.json")
    content[begin : begin + 8] = b"\xff" * 8

    assert refusal(bytes(content)) == "ARTIFACT_NOT_A_ZIP"


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_way_of_packing_that_nodes_do_not_unpack_is_refused(method: int) -> None:
    assert refusal(a_zip(packed=method)) == "ARTIFACT_NOT_A_ZIP"


def test_an_encrypted_entry_is_refused() -> None:
    content = bytearray(a_zip())
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1

    assert refusal(bytes(content)) == "ARTIFACT_NOT_A_ZIP"


@given(st.data())
def test_whatever_bytes_are_damaged_the_answer_is_a_manifest_or_a_named_refusal(data: st.DataObject) -> None:
    content = bytearray(a_zip(("main.py", b"print(1)"), ("static/a", b"x" * 100)))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))

    with contextlib.suppress(ArtifactRefused):
        assert check_artifact(bytes(content), registered(bytes(content))).name == MODULE


SLIPS = [
    *("../evil", "a/../../evil", "..", "/etc/passwd", "//etc/passwd", "C:/evil", "c:evil", "a\\..\\evil", "..\\evil"),
    *(
        "a\0b",
        "./hotswap.json",
        "a//b",
        "a/./b",
        "",
        "a/..",
        "line\nfeed",
        "\\\\host\\share",
        "x" * 256,
        "a/" * 600 + "b",
    ),
]


@pytest.mark.parametrize("name", SLIPS, ids=lambda name: repr(name[:20]))
def test_a_name_that_could_leave_the_folder_or_stand_for_another_is_refused(name: str) -> None:
    info = zipfile.ZipInfo("placeholder")
    info.filename = name

    assert refusal(a_zip((info, b"evil"))) == "ARTIFACT_UNSAFE_PATH"


def test_a_name_cut_short_by_a_zero_byte_is_refused_although_what_is_left_looks_well() -> None:
    content = a_zip(("main.pyXevil", b"")).replace(b"main.pyXevil", b"main.py\0evil")

    assert refusal(content) == "ARTIFACT_UNSAFE_PATH"


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFSOCK])
def test_links_and_devices_are_refused(kind: int) -> None:
    info = zipfile.ZipInfo("link")
    info.external_attr = (kind | 0o777) << 16

    assert refusal(a_zip((info, b"/etc/passwd"))) == "ARTIFACT_UNSAFE_PATH"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a", "a"),
        ("a", "A"),
        ("straße", "STRASSE"),
        ("a", "a/"),
        ("e\u0301", "\u00e9"),
        ("hotswap.json", "HotSwap.json"),
    ],
)
def test_a_name_that_stands_twice_is_refused_also_when_only_case_or_spelling_differs(one: str, other: str) -> None:
    assert refusal(a_zip((one, b""), (other, b""))) == "ARTIFACT_UNSAFE_PATH"


@pytest.mark.parametrize("names", [("a", "a/b"), ("a/b/c", "a/b"), ("A", "a/b")])
def test_nothing_lies_below_a_file(names: tuple[str, ...]) -> None:
    assert refusal(a_zip(*((name, b"") for name in names))) == "ARTIFACT_UNSAFE_PATH"


def test_more_entries_than_the_limit_are_refused() -> None:
    content = a_zip(*((f"{number:x}", b"") for number in range(MAX_ENTRIES)), packed=zipfile.ZIP_STORED)

    assert refusal(content) == "ARTIFACT_TOO_LARGE"


def test_a_bomb_is_refused_by_the_sizes_it_announces() -> None:
    content = a_zip(("zeros", b"\0" * 1_000))
    header = content.index(b"PK\x01\x02", content.index(b"PK\x01\x02") + 4)
    bomb = content[: header + 24] + struct.pack("<I", 501 * 1024 * 1024) + content[header + 28 :]

    assert refusal(bomb) == "ARTIFACT_TOO_LARGE"


def test_a_manifest_that_unpacks_to_more_than_it_announces_is_not_a_zip() -> None:
    content = a_zip(manifest=MANIFEST | {"healthPath": "/" + "a" * 500})
    header = content.index(b"PK\x01\x02")
    lie = content[: header + 24] + struct.pack("<I", 60) + content[header + 28 :]

    assert refusal(lie) == "ARTIFACT_NOT_A_ZIP"


def test_a_manifest_over_its_own_limit_is_invalid() -> None:
    big = MANIFEST | {"healthPath": "/" + "a" * MAX_MANIFEST_BYTES}

    assert refusal(a_zip(manifest=big)) == "ARTIFACT_MANIFEST_INVALID"


@pytest.mark.parametrize("name", ["folder/hotswap.json", "hotswap.yaml"])
def test_there_is_no_manifest_but_hotswap_json_at_the_root(name: str) -> None:
    content = a_zip((name, json.dumps(MANIFEST).encode()), manifest=None)

    assert refusal(content) == "ARTIFACT_MANIFEST_INVALID"


BROKEN: list[tuple[str, Any]] = [
    *(("name", value) for value in (None, 7, "", "ab", "Payment", "a" * 65)),
    *(("version", value) for value in (None, 2, "2", "v2.0.0", "2.0.0\n")),
    *(("command", value) for value in (None, [], "python3", [""], ["a"] * 33, ["python3", 3], {"a": 1})),
    *(("healthPath", value) for value in (None, "", "health", 7)),
    *(("smokePath", value) for value in (None, "", "smoke", ["/"])),
    *(("startTimeoutMs", value) for value in (None, 99, 300_001, 100.0, "100", True)),
    *(("shutdownGraceMs", value) for value in (None, -1, 300_001, 0.5, False)),
    ("port", 8080),
]


@pytest.mark.parametrize(("field", "value"), BROKEN, ids=repr)
def test_a_field_that_breaks_its_rule_is_named(field: str, value: Any) -> None:
    with pytest.raises(ArtifactRefused) as refused:
        parse_manifest(json.dumps(MANIFEST | {field: value}).encode())

    assert refused.value.reason == "ARTIFACT_MANIFEST_INVALID"
    assert f"'{field}'" in refused.value.detail


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"startTimeoutMs": ' + b"9" * 10_000 + b"}",
        b"[]",
        b"null",
        b"7",
        b'"text"',
    ],
    ids=lambda text: repr(text[:12]),
)
def test_what_is_not_a_json_object_is_refused_however_deep_it_is_nested(text: bytes) -> None:
    with pytest.raises(ArtifactRefused) as refused:
        parse_manifest(text)

    assert refused.value.reason == "ARTIFACT_MANIFEST_INVALID"


def test_every_field_of_a_manifest_is_kept() -> None:
    full = MANIFEST | {"healthPath": "/up", "smokePath": "/smoke", "startTimeoutMs": 100, "shutdownGraceMs": 0}

    manifest = parse_manifest(json.dumps(full).encode())

    assert (manifest.health_path, manifest.smoke_path) == ("/up", "/smoke")
    assert (manifest.start_timeout_ms, manifest.shutdown_grace_ms) == (100, 0)


def test_the_smoke_path_is_the_health_path_unless_it_is_named() -> None:
    manifest = parse_manifest(json.dumps(MANIFEST | {"healthPath": "/up"}).encode())

    assert manifest.smoke_path == "/up"
