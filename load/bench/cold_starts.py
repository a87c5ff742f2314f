"""What a cold start costs, function by function, beside a bare boto3 handler.

The packaged zip is unpacked and nothing but boto3 stands beside it. Each sample is a process of its own that begins as
Lambda begins it (`_HANDLER` names the function), gets a real first event, and ends where the first request of that
event would leave for AWS. So everything is in it: imports, wiring, clients, models, the signature. The bare handler
makes its client and asks the table for one item. The variants take turns, and CPU time is counted, so that a busy
machine spoils little. Starting Python itself is not counted.
"""

from __future__ import annotations

import importlib.util
import json
import statistics
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Final

from infra import package

TARGET: Final = 1.8
SAMPLES: Final = 15
RUNTIME: Final = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "six", "urllib3")

BARE: Final = "bare boto3, one client"
NODE: Final = "p-01J8ZQ5D0G0000000000000000"
DEPLOYMENT: Final = "01J8ZQ5D0G0000000000000000"

_HTTP = """
def asked(method, resource, body, **path):
    return app.app({
        "httpMethod": method, "path": resource, "resource": resource, "headers": {},
        "multiValueHeaders": {"Authorization": ["Bearer hsn_" + "x" * 43], "Content-Type": ["application/json"]},
        "body": json.dumps(body), "multiValueQueryStringParameters": None, "pathParameters": path or None,
        "stageVariables": None, "isBase64Encoded": False,
        "requestContext": {"resourcePath": resource, "httpMethod": method, "requestId": "r", "identity": {}},
    }, Context)
"""
_HEARTBEAT = {"interval": 1, "sentAt": 1, "kernelVersion": "1", "modules": []}
_LOGIN = {"username": "ada", "password": "correct horse battery"}
_STEP = {"state": "Build", "execution": DEPLOYMENT, "input": {"deploymentId": DEPLOYMENT}, "token": "t"}
_CALL = {"kind": "hook", "id": "x", "url": "https://example.com/", "body": {}, "secretVersions": [1]}
_CLOCK = {"source": "aws.events"}
_EVENT = {"source": "hotswap", "detail-type": "Paused", "detail": {}}

FIRST_CALLS: Final = {
    BARE: ("", "import boto3", "boto3.client('dynamodb').get_item(TableName='t', Key={'pk': {'S': 'a'}})"),
    "api, a heartbeat": (
        "app.app",
        "import app",
        f"{_HTTP}\nasked('POST', '/api/v1/nodes/{{nodeId}}/heartbeat', {_HEARTBEAT!r}, nodeId={NODE!r})",
    ),
    "api, a login": ("app.app", "import app", f"{_HTTP}\nasked('POST', '/api/v1/authentication/login', {_LOGIN!r})"),
    "steps": ("app.steps", "import app", f"app.steps({_STEP!r}, Context)"),
    "events": ("app.events", "import app", f"app.events({_EVENT!r}, Context)"),
    "sweeps": ("app.sweeps", "import app", "app.sweeps({}, Context)"),
    "lambda_nodes": ("app.lambda_nodes", "import app", f"app.lambda_nodes({_CLOCK!r}, Context)"),
    "hooks": ("app.hooks", "import app", f"app.hooks({_CALL!r}, Context)"),
}
"""By name: the handler, what Lambda runs before the first call, and that call."""

_TIMED = """
import time
began = time.process_time()
{before}
ready = time.process_time()
import sys
loaded = sorted({{name.partition(".")[0] for name in sys.modules}})
import json
import botocore.httpsession

class Leaves(BaseException):
    pass

def leave(_session, _request):
    raise Leaves

botocore.httpsession.URLLib3Session.send = leave

class Context:
    function_name, memory_limit_in_mb, invoked_function_arn, aws_request_id = "f", 512, "arn", "id"

try:
    exec({call!r})
except Leaves:
    over = time.process_time()
    print(json.dumps([(ready - began) * 1000, (over - began) * 1000, loaded]))
"""


def runtime(folder: Path) -> Path:
    """What is there in Lambda before the zip."""
    folder.mkdir()
    for name in RUNTIME:
        spec = importlib.util.find_spec(name)
        if spec is None or spec.origin is None:
            raise RuntimeError(f"{name} is not installed")
        origin = Path(spec.origin)
        source = origin.parent if origin.name == "__init__.py" else origin
        (folder / source.name).symlink_to(source)
    return folder


def environment_of(handler: str, path: str) -> dict[str, str]:
    """What Lambda tells a function with this handler; with none, it is no function."""
    in_lambda = {"AWS_LAMBDA_FUNCTION_NAME": "measured", "_HANDLER": handler} if handler else {}
    return {
        "PYTHONPATH": path,
        "PYTHONDONTWRITEBYTECODE": "1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "none",
        "AWS_SECRET_ACCESS_KEY": "none",
        "HOTSWAP_STAGE": "prod",
        **in_lambda,
        **{f"HOTSWAP_{each}": "none" for each in ("TABLE", "ARTIFACT_BUCKET", "BUS", "SIGNING_SECRET", "DEAD_LETTERS")},
        "HOTSWAP_STATE_MACHINE_ARN": "arn:aws:states:us-east-1:123456789012:stateMachine:none",
    }


def sample(name: str, path: str) -> tuple[float, float, frozenset[str]]:
    """CPU milliseconds until the function is ready for its first call, and until that call's first request leaves; and
    the packages that were imported when it was ready.

    Raises:
        RuntimeError: no request left.
    """
    handler, before, call = FIRST_CALLS[name]
    command = [sys.executable, "-S", "-c", _TIMED.format(before=before, call=call)]
    done = subprocess.run(
        command, env=environment_of(handler, path), cwd="/", capture_output=True, text=True, timeout=60
    )
    if done.returncode or not done.stdout.startswith("["):
        raise RuntimeError(f"{name}: no request left\n{done.stdout[-500:]}\n{done.stderr[-1_000:]}")
    ready, over, loaded = json.loads(done.stdout)
    return ready, over, frozenset(loaded)


def measure() -> dict[str, object]:
    """Medians of SAMPLES of each, and what they are beside the bare handler."""
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in FIRST_CALLS}
    with tempfile.TemporaryDirectory() as folder:
        zipped = package.package(package.chalice_zip(Path(folder) / "chalice"), Path(folder) / "hotswap.zip")
        zip_bytes = zipped.stat().st_size
        with zipfile.ZipFile(zipped) as packed:
            packed.extractall(Path(folder) / "task")
        path = f"{folder}/task:{runtime(Path(folder) / 'runtime')}"
        for _ in range(SAMPLES):
            for name in FIRST_CALLS:
                times[name].append(sample(name, path)[:2])
    whole = {name: statistics.median(over for _, over in each) for name, each in times.items()}
    return {
        "samples": SAMPLES,
        "zipBytes": zip_bytes,
        "functions": {
            name: {
                "cpuMs": round(each),
                "ofThisBeforeTheCallMs": round(statistics.median(ready for ready, _ in times[name])),
                "lowestCpuMs": round(min(over for _, over in times[name])),
                "timesBare": round(each / whole[BARE], 2),
            }
            for name, each in whole.items()
        },
    }
