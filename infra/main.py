"""The template of an installation: `python -m infra.main [-c stage=prod] [--out build/cdk.out]`; the CDK calls it too."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

os.environ.setdefault("JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION", "1")
# Chalice makes a client, which wants a region, and calls nothing.
os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
# jsii runs the node that is installed beside this Python.
os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"

import aws_cdk as cdk
import cdk_nag

from infra import package
from infra.resources import HOTSWAP
from infra.stack.accepted import accepted
from infra.stack.installation import Installation
from infra.stack.stage import Stage

MOST_BYTES, MOST_RESOURCES = 1_000_000, 500
"""CloudFormation's limits on a template."""


def synthesize(context: dict[str, str], out: Path | None) -> Path:
    """Write the cloud assembly and return its folder.

    Raises:
        ValueError: the context makes no sense.
    """
    app = cdk.App(context=context, outdir=str(out.resolve()) if out else None, analytics_reporting=False)
    stage = Stage.from_context(app.node.try_get_context)
    cdk.Validations.of(app).add_plugins(cdk_nag.AwsSolutionsChecks(app))
    package.BUILD.mkdir(exist_ok=True)
    os.chdir(package.BUILD)  # Chalice leaves a folder where it is called
    stack = Installation(app, HOTSWAP, stage)
    for finding, reason in accepted(stage).items():
        cdk.Validations.of(stack).acknowledge(cdk.Acknowledgment(id=finding, reason=reason))
    return Path(app.synth().directory)


def summary(assembly: Path) -> str:
    """What was made, how near it is to CloudFormation's limits, and what the checks say of it."""
    (file,) = assembly.glob("*.template.json")
    (packed,) = assembly.glob("asset.*.zip")
    resources = len(json.loads(file.read_text())["Resources"])
    reports = json.loads((assembly / "validation-report.json").read_text())["pluginReports"]
    found = sum(len(report["violations"]) for report in reports)
    accepted_ones = sum(len(report["suppressedViolations"]) for report in reports)
    return "\n".join(
        [
            f"{file}: {file.stat().st_size:,} of {MOST_BYTES:,} bytes, {resources} of {MOST_RESOURCES} resources",
            f"{packed}: {packed.stat().st_size:,} of {package.MAX_ZIP_BYTES:,} bytes",
            f"checks: {found} findings, {accepted_ones} accepted with a reason",
        ]
    )


def main(arguments: list[str] | None = None) -> int:
    """0 when the template is written; 1 and the reason when it is not."""
    parser = argparse.ArgumentParser(prog="python -m infra.main", description=__doc__)
    parser.add_argument("-c", "--context", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--out", type=Path)
    told = parser.parse_args(arguments)
    try:
        context = dict(each.split("=", 1) for each in told.context)
        print(summary(synthesize(context, told.out)))
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
