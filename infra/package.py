"""The zip that Lambda runs: `python -m infra.package [FILE]`.

Chalice packs app.py, chalicelib and its own runtime; added are the dependencies of requirements.txt as wheels for
Lambda's Linux, and bytecode, because /var/task cannot be written to and Python would compile everything at every cold
start. The same sources give the same bytes.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parents[1]
BUILD: Final = HERE / "build"
CHALICE_CONFIG: Final = HERE / ".chalice" / "config.json"
"""What is the same for every stage; the stack adds to it what resources.py and permissions.py say."""

RUNTIME: Final = ".".join(platform.python_version_tuple()[:2])
"""Chalice names the runtime after the interpreter that packs, and bytecode is good for that one only."""

WHEELS_FOR: Final = ("manylinux_2_26_x86_64", "manylinux2014_x86_64")
"""The python3.11 runtime is Amazon Linux 2, with glibc 2.26: wheels for a newer one do not load there."""

MAX_ZIP_BYTES: Final = 12 * 1024 * 1024
_NOT_NEEDED: Final = (
    "bin",
    "include",
    # These two make extension modules; _cffi_backend loads them.
    "cffi",
    "pycparser",
    "pydantic/mypy.py",
    "pydantic/v1",
    "aws_lambda_powertools/event_handler",
    *(
        f"aws_lambda_powertools/utilities/{name}"
        for name in ("batch", "data_masking", "feature_flags", "idempotency", "kafka", "parser", "streaming")
    ),
)
"""What nothing of ours imports; tests/aws/test_package.py imports and calls what is left, with boto3 alone beside it."""
BUILT_CONSOLE: Final = HERE / "chalicelib" / "console" / "index.html"
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)


def package(chalice_zip: Path, target: Path, *, python: str = RUNTIME, interpreter: str = sys.executable) -> Path:
    """Write what Lambda gets for `python`, from what Chalice packed; `interpreter` is one of that version."""
    tree = BUILD / f"tree-{python}-{hashlib.sha256(str(target).encode()).hexdigest()[:8]}"
    shutil.rmtree(tree, ignore_errors=True)
    _install(tree, python)
    with zipfile.ZipFile(chalice_zip) as packed:
        packed.extractall(tree)
    _prune(tree)
    _compile(tree, interpreter)
    _write(tree, target)
    shutil.rmtree(tree)
    return target


def project(directory: Path) -> Path:
    """A Chalice project with what ships and nothing else; its dependencies are added to the zip afterwards."""
    shutil.rmtree(directory, ignore_errors=True)
    (directory / ".chalice").mkdir(parents=True)
    shutil.copy(HERE / "app.py", directory)
    ignored = shutil.ignore_patterns("__pycache__", "*.pyc", "*.md")
    shutil.copytree(HERE / "chalicelib", directory / "chalicelib", ignore=ignored)
    (directory / "requirements.txt").write_text("")
    shutil.copy(CHALICE_CONFIG, directory / ".chalice")
    return directory


def fingerprint() -> str:
    """Sixteen characters that change with everything the zip is made of."""
    shipped = [HERE / "app.py", HERE / "requirements.txt", Path(__file__), *(HERE / "chalicelib").rglob("*")]
    digest = hashlib.sha256(f"{RUNTIME} {WHEELS_FOR}".encode())
    for file in sorted(shipped):
        if file.is_file() and file.suffix not in (".pyc", ".md"):
            digest.update(f"{file.relative_to(HERE)}\0".encode() + file.read_bytes())
    return digest.hexdigest()[:16]


def _install(tree: Path, python: str) -> None:
    """The wheels, kept for as long as nothing is pinned anew."""
    requirements = HERE / "requirements.txt"
    told = f"{python} {WHEELS_FOR}".encode() + requirements.read_bytes()
    kept = BUILD / f"wheels-{hashlib.sha256(told).hexdigest()[:16]}"
    if not kept.exists():
        partial = kept.with_suffix(f".{os.getpid()}")
        platforms = [word for each in WHEELS_FOR for word in ("--platform", each)]
        _run(
            [
                sys.executable,
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
                "--no-compile",
                "--no-deps",
                "--only-binary",
                ":all:",
                "--implementation",
                "cp",
                "--python-version",
                python,
                *platforms,
                "--target",
                str(partial),
                "-r",
                str(requirements),
            ]
        )
        with contextlib.suppress(OSError):  # another process was quicker
            partial.rename(kept)
        shutil.rmtree(partial, ignore_errors=True)
    shutil.copytree(kept, tree)


def _prune(tree: Path) -> None:
    for name in _NOT_NEEDED:
        if (tree / name).is_dir():
            shutil.rmtree(tree / name)
        else:
            (tree / name).unlink(missing_ok=True)
    for file in list(tree.rglob("*")):
        if file.suffix in (".pyi", ".pyc", ".h") or file.name in ("RECORD", "INSTALLER", "REQUESTED"):
            file.unlink()


def _compile(tree: Path, interpreter: str) -> None:
    """Bytecode that is never checked against its source: nobody edits a function in place."""
    _run(
        [
            interpreter,
            "-m",
            "compileall",
            "-q",
            "-f",
            "--invalidation-mode",
            "unchecked-hash",
            "-s",
            str(tree),
            "-p",
            "/var/task",
            str(tree),
        ]
    )


def _write(tree: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_suffix(".partial")
    with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for file in sorted(tree.rglob("*")):
            if file.is_file():
                entry = zipfile.ZipInfo(str(file.relative_to(tree)), _EPOCH)
                entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
                archive.writestr(entry, file.read_bytes(), compresslevel=9)
    partial.replace(target)


def _run(command: list[str]) -> None:
    # Chalice makes a client, which wants a region, and calls nothing.
    subprocess.run(command, check=True, env={"AWS_DEFAULT_REGION": "us-east-1", **os.environ})


def chalice_zip(directory: Path) -> Path:
    """What Chalice alone packs of the project, without the dependencies.

    In a process of its own: Chalice imports app.py with the environment of the stage.
    """
    code = (
        "import sys; from chalice import api; api.package_app(project_dir=sys.argv[1], output_dir=sys.argv[2], "
        "stage='package', chalice_config={})"
    )
    _run([sys.executable, "-c", code, str(project(directory / "project")), str(directory / "out")])
    return directory / "out" / "deployment.zip"


def main(arguments: list[str]) -> int:
    """Write the zip and say how large it is and what its digest is."""
    target = Path(arguments[0]) if arguments else BUILD / "hotswap.zip"
    if not BUILT_CONSOLE.exists():
        print("The console is not built; run make package, or make console first.", file=sys.stderr)
        return 1
    package(chalice_zip(BUILD / "chalice"), target.resolve())
    content = target.read_bytes()
    print(f"{target}: {len(content):,} bytes, sha256:{hashlib.sha256(content).hexdigest()}, python{RUNTIME}")
    if len(content) > MAX_ZIP_BYTES:
        print(f"That is more than {MAX_ZIP_BYTES:,} bytes.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
