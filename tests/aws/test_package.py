"""The zip that Lambda gets: small, the same every time, and complete with nothing but boto3 beside it."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from infra import package
from infra.resources import HOTSWAP
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

OF_LAMBDA = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "six", "urllib3")


@pytest.fixture(scope="module")
def task(template: Template, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lambda") / "task"
    with zipfile.ZipFile(template.zip) as packed:
        packed.extractall(folder)
    return folder


@pytest.fixture(scope="module")
def boto3_only(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is there in Lambda before the zip: boto3 and what it needs, and nothing else of this environment."""
    folder = tmp_path_factory.mktemp("runtime") / "site-packages"
    folder.mkdir()
    for name in OF_LAMBDA:
        spec = importlib.util.find_spec(name)
        assert spec is not None
        assert spec.origin is not None
        origin = Path(spec.origin)
        source = origin.parent if origin.name == "__init__.py" else origin
        (folder / source.name).symlink_to(source)
    return folder


def test_every_handler_is_there_and_answers_with_boto3_alone(task: Path, boto3_only: Path):
    handlers = [function.handler for function in HOTSWAP.functions]
    environment = {
        "PYTHONPATH": f"{task}:{boto3_only}",
        "PYTHONDONTWRITEBYTECODE": "1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "none",
        "AWS_SECRET_ACCESS_KEY": "none",
        "HOTSWAP_TABLE": "none",
        "HOTSWAP_ARTIFACT_BUCKET": "none",
        "HOTSWAP_BUS": "none",
        "HOTSWAP_STATE_MACHINE_ARN": "arn:aws:states:us-east-1:123456789012:stateMachine:none",
        "HOTSWAP_SIGNING_SECRET": "none",
    }

    # -S: nothing of this environment is found.
    done = subprocess.run(
        [sys.executable, "-S", "-c", IMPORTED, json.dumps(handlers)],
        env=environment, cwd="/", capture_output=True, text=True, timeout=120,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr[-3_000:]
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["handlers"] == dict.fromkeys(handlers, True)
    assert told["answered"] == 200
    assert set(told["outside"]) <= set(OF_LAMBDA), told["outside"]
    assert told["compiled"]


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


@pytest.mark.long
def test_the_same_sources_give_the_same_bytes(tmp_path: Path):
    digests = set()
    for number in range(2):
        target = tmp_path / f"{number}.zip"
        package.package(package.chalice_zip(tmp_path / f"chalice-{number}"), target)
        digests.add(hashlib.sha256(target.read_bytes()).hexdigest())

    assert len(digests) == 1
