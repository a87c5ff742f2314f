"""The checks of the template find what they are for: what nobody gave a reason for, what is spelt wrong, what cannot run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from infra import package
from infra.stack.accepted import accepted
from infra.stack.stage import Stage
from tests.aws.conftest import STAGE, Template

pytestmark = pytest.mark.timeout(400)


def report_of(template: Template) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((template.file.parent / "validation-report.json").read_text())[
        "pluginReports"
    ]
    return found


def test_cdk_nag_ran_and_found_nothing_that_has_no_reason(template: Template) -> None:
    reports = report_of(template)

    assert "AwsSolutions" in {report["pluginName"] for report in reports}
    assert [(report["pluginName"], report["violations"]) for report in reports if report["violations"]] == []


def test_every_reason_is_for_something_that_is_still_found(template: Template) -> None:
    found = {each["acknowledgedId"] for report in report_of(template) for each in report["suppressedViolations"]}

    reasons = accepted(Stage.from_context({"stage": STAGE}.get))
    assert found == set(reasons)
    assert all(len(reason.split()) >= 5 for reason in reasons.values())


@pytest.mark.long
@pytest.mark.parametrize(
    "change",
    [
        "from infra.stack import accepted; accepted._OTHERS.pop('AwsSolutions::AwsSolutions-S1')",
        "from infra import permissions; permissions.LOGS = permissions.Grant(sid='X', actions=('logs:*',), resources=('*',))"
        "; permissions.PERMISSIONS['hooks'] = (*permissions.PERMISSIONS['hooks'], permissions.LOGS)",
    ],
    ids=["a finding without a reason", "a permission with a wildcard"],
)
def test_the_synthesis_fails_on_what_nobody_accepted(change: str, tmp_path: Path) -> None:
    program = f"{change}\nfrom infra.main import main\nraise SystemExit(main(['-c', 'stage=dev', '--out', {str(tmp_path)!r}]))"

    done = subprocess.run(
        [sys.executable, "-c", program], cwd=package.HERE, capture_output=True, text=True, timeout=300
    )

    assert done.returncode != 0
    assert "AwsSolutions" in done.stdout + done.stderr


@pytest.mark.long
def test_a_traced_installation_passes_the_same_checks(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "infra.main", "-c", "stage=dev", "-c", "tracing=on", "--out", str(tmp_path)]

    done = subprocess.run(command, cwd=package.HERE, capture_output=True, text=True, timeout=300)

    assert done.returncode == 0, done.stdout[-2_000:] + done.stderr[-2_000:]
    (file,) = tmp_path.glob("*.template.json")
    resources = json.loads(file.read_text())["Resources"].values()
    assert {each["Properties"].get("Tracing") for each in resources if each["Type"] == "AWS::Serverless::Function"} == {
        "Active"
    }


@pytest.mark.long
def test_cfn_lint_finds_a_property_that_there_is_not(template: Template, tmp_path: Path) -> None:
    broken = json.loads(template.file.read_text())
    table = next(each for each in broken["Resources"].values() if each["Type"] == "AWS::DynamoDB::Table")
    table["Properties"]["BillingMod"] = table["Properties"].pop("BillingMode")
    file = tmp_path / "broken.json"
    file.write_text(json.dumps(broken))

    linter = Path(sys.executable).with_name("cfn-lint")
    done = subprocess.run([str(linter), "-i", "W3005", "--", str(file)], capture_output=True, text=True)

    assert done.returncode != 0
    assert "BillingMod" in done.stdout


@pytest.mark.long
def test_asl_validator_finds_a_state_that_there_is_not(tmp_path: Path) -> None:
    folder = package.HERE / "infra" / "statemachines"
    machine = json.loads((folder / "deployment.asl.json").read_text())
    machine["States"]["Build"]["Next"] = "Tset"
    file = tmp_path / "broken.asl.json"
    file.write_text(json.dumps(machine))

    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        [str(folder / "node_modules" / ".bin" / "asl-validator"), "--json-path", str(file)],
        env=environment, capture_output=True, text=True, timeout=60,
    )  # fmt: skip

    assert done.returncode != 0
    assert "Tset" in done.stdout + done.stderr
