"""The zip that Lambda gets: small, the same every time, and complete with nothing but boto3 beside it."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from chalicelib import cold_start
from infra import package
from infra.resources import HOTSWAP
from load.bench import cold_starts
from load.provenance import RESULTS
from tests.aws.conftest import Template

pytestmark = pytest.mark.timeout(400)

IMPORTED = """
import importlib, json, sys
found = {}
for handler in json.loads(sys.argv[1]):
    module, _, name = handler.rpartition(".")
    found[handler] = callable(getattr(importlib.import_module(module), name))
from chalicelib.adapters.passwords import Passwords
assert Passwords().verify("right", Passwords().hash("right"))
from chalicelib.adapters import tokens, signatures, id_tokens, secret_keys
from chalicelib.steps import machine, sweeps
from chalicelib.usecases import make_call
from chalicelib.routes import events_in
import app
event = {"httpMethod": "GET", "path": "/openapi.json", "resource": "/openapi.json", "headers": {}, "body": None,
         "multiValueHeaders": {}, "multiValueQueryStringParameters": None, "pathParameters": None,
         "stageVariables": None, "isBase64Encoded": False,
         "requestContext": {"resourcePath": "/openapi.json", "httpMethod": "GET", "requestId": "r", "identity": {}}}
class Context:
    function_name, memory_limit_in_mb, invoked_function_arn, aws_request_id = "api", 512, "arn", "id"
answered = app.app(event, Context())["statusCode"]
outside = sorted({name.partition(".")[0] for name, module in sys.modules.items()
                  if "site-packages" in (getattr(module, "__file__", None) or "") and "/task/" not in module.__file__})
print(json.dumps({"handlers": found, "answered": answered, "outside": outside,
                  "compiled": "/task/" in (importlib.import_module("chalicelib.wiring").__cached__ or "")}))
"""

NEEDED_BY_NOBODY_AT_ONCE = {"aws_lambda_powertools", "cryptography", "jwt", "argon2", "boto3", "s3transfer"}


@pytest.fixture(scope="module")
def task(template: Template, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lambda") / "task"
    with zipfile.ZipFile(template.zip) as packed:
        packed.extractall(folder)
    return folder


@pytest.fixture(scope="module")
def boto3_only(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is there in Lambda before the zip: boto3 and what it needs, and nothing else of this environment."""
    return cold_starts.runtime(tmp_path_factory.mktemp("runtime") / "site-packages")


def test_every_handler_is_there_and_answers_with_boto3_alone(task: Path, boto3_only: Path):
    handlers = [function.handler for function in HOTSWAP.functions]

    told = run_in_lambda(IMPORTED, json.dumps(handlers), task=task, beside=boto3_only)

    assert told["handlers"] == dict.fromkeys(handlers, True)
    assert told["answered"] == 200
    assert set(told["outside"]) <= set(cold_starts.RUNTIME), told["outside"]
    assert told["compiled"]


@pytest.mark.parametrize("name", cold_starts.FIRST_CALLS)
def test_the_first_call_of_each_function_gets_as_far_as_aws_and_imports_nothing_it_does_not_need(
    name: str, task: Path, boto3_only: Path
):
    ready, over, loaded = cold_starts.sample(name, f"{task}:{boto3_only}")

    assert 0 < ready < over
    assert "botocore" in loaded
    if name != cold_starts.BARE:
        assert loaded & NEEDED_BY_NOBODY_AT_ONCE == set()
        assert ("pydantic" in loaded) == name.startswith("api")


def test_each_function_has_a_first_call():
    handlers = {handler for handler, _, _ in cold_starts.FIRST_CALLS.values() if handler}

    assert handlers == {function.handler for function in HOTSWAP.functions}


def test_what_every_function_needs_at_once_is_listed():
    assert set(cold_start.NEEDED) == {function.handler for function in HOTSWAP.functions}


def run_in_lambda(program: str, *arguments: str, task: Path, beside: Path, handler: str = "") -> Any:
    """The JSON a program prints last that finds the zip and boto3, and nothing of this environment (-S)."""
    environment = cold_starts.environment_of(handler, f"{task}:{beside}")
    done = subprocess.run(
        [sys.executable, "-S", "-c", program, *arguments],
        env=environment, cwd="/", capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3_000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_it_is_not_larger_than_twelve_megabytes_and_holds_bytecode(template: Template):
    assert template.zip.stat().st_size <= package.MAX_ZIP_BYTES
    with zipfile.ZipFile(template.zip) as packed:
        names = packed.namelist()
        flags = {packed.read(name)[4] for name in names if name.endswith(".pyc")}
    sources = [name for name in names if name.startswith("chalicelib/") and name.endswith(".py")]
    for source in sources:
        folder, _, file = source.rpartition("/")
        assert f"{folder}/__pycache__/{file.removesuffix('.py')}.{sys.implementation.cache_tag}.pyc" in names
    assert flags == {0b01}, "compiled once, and never compared with its source"


def test_nothing_of_this_machine_and_nothing_local_is_in_it(template: Template):
    here = str(package.HERE).encode()
    with zipfile.ZipFile(template.zip) as packed:
        for name in packed.namelist():
            assert not name.startswith(("infra/", "kernel/", "tests/", "boto3/", "botocore/", "moto/")), name
            assert here not in packed.read(name), name


def test_the_console_is_in_it_with_every_file_its_page_asks_for(template: Template):
    if not package.BUILT_CONSOLE.exists():
        pytest.skip("the console is not built here: make console")

    with zipfile.ZipFile(template.zip) as packed:
        names = {Path(name).name for name in packed.namelist() if name.startswith("chalicelib/console/assets/")}
        page = packed.read("chalicelib/console/index.html").decode()

    asked = set(re.findall(r'"./assets/([^"]+)"', page))
    assert asked == names
    assert {Path(name).suffix for name in names} == {".js", ".css", ".svg"}


@pytest.mark.long
def test_the_same_sources_give_the_same_bytes(tmp_path: Path):
    digests = set()
    for number in range(2):
        target = tmp_path / f"{number}.zip"
        package.package(package.chalice_zip(tmp_path / f"chalice-{number}"), target)
        digests.add(hashlib.sha256(target.read_bytes()).hexdigest())

    assert len(digests) == 1


@pytest.mark.long
@pytest.mark.parametrize("python", ["3.12", "3.13", "3.14"])
def test_newer_pythons_of_lambda_get_the_same_zip_and_start_from_it(python: str, tmp_path: Path, boto3_only: Path):
    """Every wheel is there for Lambda's Linux; where this machine has that Python, the functions start in it."""
    found = subprocess.run(
        [str(Path(sys.executable).with_name("uv")), "python", "find", "--no-python-downloads", python],
        capture_output=True,
        text=True,
    )
    interpreter = found.stdout.strip() if found.returncode == 0 else sys.executable

    packed = package.package(
        package.chalice_zip(tmp_path / "chalice"), tmp_path / "new.zip", python=python, interpreter=interpreter
    )

    assert packed.stat().st_size <= package.MAX_ZIP_BYTES
    with zipfile.ZipFile(packed) as archive:
        tag = f"cpython-{python.replace('.', '')}-"
        compiled = [name for name in archive.namelist() if name.endswith(".so") and "abi3" not in name]
        archive.extractall(tmp_path / "task")
    assert compiled
    assert all(tag in name for name in compiled), compiled
    if found.returncode != 0:
        pytest.skip(f"no Python {python} here: its wheels are there, starting from them was not tried")
    for function in HOTSWAP.functions:
        environment = cold_starts.environment_of(function.handler, f"{tmp_path / 'task'}:{boto3_only}")
        program = "import app, sys; assert 'botocore' in sys.modules; from chalicelib.adapters import passwords, tokens"
        done = subprocess.run(
            [interpreter, "-S", "-c", program], env=environment, cwd="/", capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, (function.name, done.stderr[-2_000:])


def test_cold_starts_were_measured_of_every_function():
    found = json.loads((RESULTS / "bench" / "cold_starts.json").read_text())

    assert set(found["functions"]) == set(cold_starts.FIRST_CALLS)
