"""`make demo TARGET=lambda`: the same two deployments onto functions, whose aliases give versions a share of real calls."""

from __future__ import annotations

import base64
import time
from collections.abc import Mapping
from typing import Any

from rich.markup import escape

from infra.local.cloud import LocalCloud
from infra.local.demo_policies import allow_first_install, shorten_policies
from infra.local.demo_report import Summary, print_environment, seconds_to_restore, with_deployments
from infra.local.fleet import ENVIRONMENTS, WRONG_FOR_YEN, Signer, publish
from infra.local.kernel_demo import Demo
from infra.local.kernels import Kernels
from infra.local.lambda_fleet import (
    ALIAS,
    FUNCTION,
    calls,
    create_functions,
    function_name,
    healthy_aliases,
    register_aliases,
    versions_of,
)
from infra.local.traffic import Tally, Traffic, wait_until
from kernel.examples.build import MODULE

CALLS_PER_SECOND = 30
PRODUCTION_BAKE_SECONDS = 5
FIRST_SECONDS = 4
"""Calls before the first deployment: what the last wave is compared with."""

VERSIONS: Mapping[str, tuple[str, ...]] = {"2.0.0": (), "2.1.0": WRONG_FOR_YEN}
EXPECTED = {"2.0.0": "Completed", "2.1.0": "RolledBack"}


class LambdaDemo(Demo):
    """One run on functions; no kernel takes part."""

    def run(self, kernels: Kernels) -> Summary:  # noqa: ARG002 (another demonstration starts some)
        """A good version and a bad one through four functions, under calls that processes answer."""
        cloud = self.stack.cloud
        self._say(f"API at {self.stack.url}, Lambda at {cloud.endpoint_url}")
        allow_first_install(self.ada)
        signer = Signer.register(self.ada)
        folder = self.folder / "artifacts"
        for version, faults in VERSIONS.items():
            self.digests[version] = publish(
                version, faults, signer=signer, folder=folder, client=self.dana, manifest=FUNCTION
            )
            self._say(f"registered {MODULE} {version}, {self.digests[version][:19]}…")
        create_functions(cloud, folder)
        register_aliases(self.ada)
        wait_until(
            lambda: healthy_aliases(self.ada) == len(ENVIRONMENTS), what="an alias in each environment", seconds=30
        )
        self._say("aliases found: " + ", ".join(f"{function_name(each)}:live" for each in ENVIRONMENTS))
        shorten_policies(self.ada, production_bake_seconds=PRODUCTION_BAKE_SECONDS)
        self.ready = time.monotonic()
        traffic = Traffic(calls(cloud.endpoint_url, per_second=CALLS_PER_SECOND)).start()
        self._say(f"calling each alias until the end, that of Production {CALLS_PER_SECOND} times a second")
        try:
            time.sleep(FIRST_SECONDS)
            self._deploy("2.0.0", "a good version, onto functions whose owner published 1.0.0 by hand")
            self._deploy("2.1.0", "a version that is wrong for one currency, which only Production sees")
        finally:
            tally = traffic.stop()
        return self._told(tally)

    def print_summary(self, summary: Summary) -> None:
        """The summary for people."""
        console = self.console
        console.rule("[bold]Summary")
        for found in summary.deployments:
            cost = found["estimatedMicroUsd"] / 1_000_000
            console.print(
                f"[bold]{MODULE} {found['version']}[/]  {found['status']}  "
                f"{found['stateTransitions']} state transitions, ${cost:.6f}"
            )
            for environment in found["environments"]:
                print_environment(console, environment)
        for environment, weights in summary.nodes.items():
            console.print(f"{function_name(environment)}:live  {weights}")
        sent = summary.requests
        console.print(
            f"calls: {sent['sent']} sent, {sent['answered']} answered, {sent['failedByTheModule']} failed by the function "
            f"(2.1.0 until it was taken back), [bold]{sent['dropped']} dropped[/]"
        )
        for environment, counted in sent["byVersion"].items():
            told = (f"version {each} {n['Invocations']} calls, {n['Errors']} errors" for each, n in counted.items())
            console.print(f"measured of {environment}: " + "; ".join(told))
        if summary.seconds_to_restore is not None:
            console.print(f"first bad report to the alias read back: [bold]{summary.seconds_to_restore:.1f} s[/]")
        console.print(f"took {summary.seconds:.0f} s, after a set-up of {summary.set_up_seconds:.0f} s")
        for failure in summary.failures:
            console.print(f"[bold red]not as promised:[/] {escape(failure)}")
        if summary.passed:
            console.print("[bold green]as promised[/]")

    def _told(self, tally: Tally) -> Summary:
        cloud = self.stack.cloud
        summary = with_deployments(Summary(), cloud=cloud, client=self.ada, deployments=self.deployments)
        known = {_base64(digest): version for version, digest in self.digests.items()}
        for environment in ENVIRONMENTS:
            shares = versions_of(cloud, environment)
            named = {known.get(sha256, "1.0.0"): share for sha256, share in shares.items()}
            summary.nodes[environment] = ", ".join(f"{version} {share} %" for version, share in named.items())
        summary.requests = {
            "sent": tally.sent,
            "answered": tally.answered,
            "failedByTheModule": tally.failed,
            "dropped": tally.dropped,
            "droppedReasons": dict(tally.dropped_reasons),
            "failedByNode": dict(tally.failed_by_node),
            "byVersion": {environment: _measured(cloud, environment) for environment in ENVIRONMENTS},
        }
        summary.seconds_to_restore = seconds_to_restore(self.ada, self.deployments.get("2.1.0", ""))
        summary.failures = _failures(summary, tally)
        return summary


def _base64(digest: str) -> str:
    return base64.b64encode(bytes.fromhex(digest.removeprefix("sha256:"))).decode()


def _measured(cloud: LocalCloud, environment: str) -> dict[str, dict[str, int]]:
    """What CloudWatch has of an alias, by executed version: calls and errors."""
    name = function_name(environment)
    found = {}
    for version in ("1", "2", "3"):
        named = {"FunctionName": name, "Resource": f"{name}:{ALIAS}", "ExecutedVersion": version}
        found[version] = {metric: round(cloud.calls.total(metric, named)) for metric in ("Invocations", "Errors")}
    return found


def _failures(summary: Summary, tally: Tally) -> list[str]:
    failures = [
        f"{found['version']} ended {found['status']}, not {EXPECTED[found['version']]}"
        for found in summary.deployments
        if found["status"] != EXPECTED[found["version"]]
    ]
    wanted: dict[str, Any] = dict.fromkeys(ENVIRONMENTS, "2.1.0 100 %") | {"Production": "2.0.0 100 %"}
    failures += [
        f"{environment} gives its calls to {runs}, not to {wanted[environment]}"
        for environment, runs in summary.nodes.items()
        if runs != wanted[environment]
    ]
    if tally.dropped:
        failures.append(f"{tally.dropped} calls were dropped: {dict(tally.dropped_reasons)}")
    touched = sorted(node for node in tally.failed_by_node if not node.startswith("production"))
    if touched:
        failures.append(f"calls failed where the version is right: {', '.join(touched)}")
    counted = [each for versions in summary.requests["byVersion"].values() for each in versions.values()]
    measured = sum(each["Invocations"] for each in counted), sum(each["Errors"] for each in counted)
    if measured != (tally.answered + tally.failed, tally.failed):
        failures.append(f"CloudWatch has {measured[0]} calls with {measured[1]} errors")
    if not tally.sent or not tally.failed:
        failures.append("no call was sent, or none ever met the bad version")
    return failures
