"""How long a cold start imports, function by function, beside a bare boto3 handler: `python -m load.import_times`.

The packaged zip is unpacked and nothing but boto3 stands beside it. Each sample is a process of its own; the variants
take turns, so that a busy machine is busy for all of them. Starting Python itself is not counted.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from infra import package

RESULTS = Path(__file__).parent / "results" / "import-times" / "results.json"
TARGET = 1.8
RUNTIME = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "six", "urllib3")

BARE = "import boto3; boto3.client('dynamodb')"
VARIANTS = {
    "bare boto3, one client": BARE,
    "bare boto3, the same five clients": "import boto3\nfor each in ('dynamodb', 'stepfunctions', 's3', 'events', 'lambda'): boto3.client(each)",
    "api": "import app; from chalicelib import wiring; wiring.ports()",
    "steps": "import app; from chalicelib.steps import machine; from chalicelib import wiring; wiring.ports()",
    "events": "import app; from chalicelib.routes import events_in; from chalicelib import wiring; wiring.ports()",
    "sweeps": "import app; from chalicelib.steps import sweeps; from chalicelib import wiring; wiring.ports(); wiring.checkpoint_signer(); wiring.token_keys()",
    "hooks": "import app; from chalicelib.usecases import make_call; from chalicelib import wiring; wiring.outbound_ports()",
}
"""What a cold start does before the first call: the import, and the clients that function makes at once."""

TIMED = "import sys, time\nbegin = time.perf_counter()\n{work}\nprint((time.perf_counter() - begin) * 1000)"


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


def sample(work: str, path: str) -> float:
    """Milliseconds of one cold start."""
    environment = {
        "PYTHONPATH": path,
        "PYTHONDONTWRITEBYTECODE": "1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "none",
        "AWS_SECRET_ACCESS_KEY": "none",
        **{f"HOTSWAP_{name}": "none" for name in ("TABLE", "ARTIFACT_BUCKET", "BUS", "SIGNING_SECRET")},
        "HOTSWAP_STATE_MACHINE_ARN": "arn:aws:states:us-east-1:123456789012:stateMachine:none",
    }
    command = [sys.executable, "-S", "-c", TIMED.format(work=work)]
    done = subprocess.run(command, env=environment, cwd="/", capture_output=True, text=True, check=True, timeout=60)
    return float(done.stdout.splitlines()[-1])


def main() -> int:
    """Measure, print, and write the results."""
    parser = argparse.ArgumentParser(prog="python -m load.import_times", description=__doc__)
    parser.add_argument("--samples", type=int, default=9)
    told = parser.parse_args()
    times: dict[str, list[float]] = {name: [] for name in VARIANTS}
    with tempfile.TemporaryDirectory() as folder:
        zipped = package.package(package.chalice_zip(Path(folder) / "chalice"), Path(folder) / "hotswap.zip")
        zip_bytes = zipped.stat().st_size
        with zipfile.ZipFile(zipped) as packed:
            packed.extractall(Path(folder) / "task")
        path = f"{folder}/task:{runtime(Path(folder) / 'runtime')}"
        for _ in range(told.samples):
            for name, work in VARIANTS.items():
                times[name].append(sample(work, path))
    medians = {name: statistics.median(each) for name, each in times.items()}
    one, five = (medians[name] for name in list(VARIANTS)[:2])
    for name, median in medians.items():
        print(f"{name:36} {median:7.0f} ms   {median / one:4.2f} x one client   {median / five:4.2f} x five")
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    found = {
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "loadAverage": round(os.getloadavg()[0], 1),
        "samples": told.samples,
        "zipBytes": zip_bytes,
        "target": TARGET,
        "medianMs": {name: round(each) for name, each in medians.items()},
        "timesOneClient": {name: round(each / one, 2) for name, each in medians.items()},
        "timesFiveClients": {name: round(each / five, 2) for name, each in medians.items()},
        "lowestMs": {name: round(min(each)) for name, each in times.items()},
    }
    RESULTS.write_text(json.dumps(found, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
