"""What the demonstration came to: read back from the API, the state machine's history and the traffic's own count."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from chalicelib.domain.prices import Item, cost_of
from infra.local.api_client import ApiClient
from infra.local.cloud import LocalCloud
from infra.local.fleet import ENVIRONMENTS
from infra.local.traffic import Tally
from infra.resources import HOTSWAP
from kernel.examples.build import MODULE


@dataclass(kw_only=True)
class Summary:
    """The result of a run. `seconds` begins when all nodes are up, which takes `set_up_seconds`; `failures` says in words what was promised and did not happen."""

    seconds: float = 0.0
    set_up_seconds: float = 0.0
    deployments: list[dict[str, Any]] = field(default_factory=list)
    nodes: dict[str, str] = field(default_factory=dict)
    requests: dict[str, Any] = field(default_factory=dict)
    seconds_to_restore: float | None = None
    failures: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether everything that was promised happened."""
        return not self.failures

    def as_json(self) -> dict[str, Any]:
        """The summary as JSON can hold it."""
        return {"passed": self.passed, **asdict(self)}


def summarize(
    *,
    cloud: LocalCloud,
    client: ApiClient,
    deployments: Mapping[str, str],
    digests: Mapping[str, str],
    nodes: Sequence[str],
    tally: Tally,
) -> Summary:
    """Everything the run is measured by."""
    summary = with_deployments(Summary(), cloud=cloud, client=client, deployments=deployments)
    versions = {digest: version for version, digest in digests.items()}
    for environment in ENVIRONMENTS:
        for node in client.get(f"/api/v1/clusters/{environment}")["nodes"]:
            runs = {module["moduleName"]: module["active"] for module in node["modules"]}
            summary.nodes[node["name"]] = versions.get(runs.get(MODULE, ""), "nothing")
    summary.requests = {
        "sent": tally.sent,
        "answered": tally.answered,
        "failedByTheModule": tally.failed,
        "dropped": tally.dropped,
        "droppedReasons": dict(tally.dropped_reasons),
        "failedByNode": dict(tally.failed_by_node),
    }
    summary.seconds_to_restore = seconds_to_restore(client, deployments.get("2.1.0", ""))
    summary.failures = _failures(summary, nodes, tally)
    return summary


def with_deployments(
    summary: Summary, *, cloud: LocalCloud, client: ApiClient, deployments: Mapping[str, str]
) -> Summary:
    """The summary with what the API says of each deployment, and what AWS would charge for its state machine."""
    for version, execution_id in deployments.items():
        found = client.get(f"/api/v1/deployments/{execution_id}")
        found["stateTransitions"] = state_transitions(cloud, execution_id)
        found["estimatedMicroUsd"] = _machine_micro_usd(found["stateTransitions"])
        found["version"] = version
        summary.deployments.append(found)
    return summary


def state_transitions(cloud: LocalCloud, execution_id: str) -> int:
    """How many states the executions of a deployment entered: what AWS charges for."""
    machine = cloud.outputs[HOTSWAP.state_machines[0].name].replace(":stateMachine:", ":execution:")
    client = cloud.client("stepfunctions")
    history = client.get_execution_history(executionArn=f"{machine}:{execution_id}", maxResults=1000)["events"]
    return sum(1 for event in history if event["type"].endswith("StateEntered"))


def seconds_to_restore(client: ApiClient, execution_id: str) -> float | None:
    """From the first bad report to the last node that was restored; None where nothing was."""
    if not execution_id:
        return None
    events = client.get(f"/api/v1/deployments/{execution_id}/events?after=0")["events"]
    found = [event["detail"]["milliseconds"] / 1000 for event in events if event["type"] == "RestoreEnded"]
    return found[0] if found else None


def _machine_micro_usd(state_transitions: int) -> int:
    """What AWS would charge for the state machine alone."""
    (line,) = cost_of({Item.STATE_TRANSITIONS: state_transitions})
    return line.nano_usd // 1000


def _failures(summary: Summary, nodes: Sequence[str], tally: Tally) -> list[str]:
    expected = {"1.0.0": "Completed", "2.0.0": "Completed", "2.1.0": "RolledBack"}
    failures = [
        f"{found['version']} ended {found['status']}, not {expected[found['version']]}"
        for found in summary.deployments
        if found["status"] != expected[found["version"]]
    ]
    lower = [node for node in nodes if not node.startswith("production")]
    wrong = [node for node in lower if summary.nodes.get(node) != "2.1.0"]
    wrong += [node for node in nodes if node not in lower and summary.nodes.get(node) != "2.0.0"]
    if wrong:
        failures.append(f"not running what they should: {', '.join(wrong)}")
    if tally.dropped:
        failures.append(f"{tally.dropped} requests were dropped: {dict(tally.dropped_reasons)}")
    touched = {node for node in tally.failed_by_node if not node.startswith("production")}
    if touched:
        failures.append(f"requests failed where the version is right: {', '.join(sorted(touched))}")
    if not tally.sent:
        failures.append("no request was sent")
    return failures


def print_summary(console: Console, summary: Summary) -> None:
    """The summary for people."""
    console.rule("[bold]Summary")
    for found in summary.deployments:
        cost = found["estimatedMicroUsd"] / 1_000_000
        console.print(
            f"[bold]{MODULE} {found['version']}[/]  {found['status']}  "
            f"{found['stateTransitions']} state transitions, ${cost:.6f}"
        )
        stages = ", ".join(f"{stage['name']} {stage['status']}" for stage in found["stages"])
        console.print(f"  stages: {stages}")
        for environment in found["environments"]:
            print_environment(console, environment)
    table = Table(title="What each node runs", show_edge=False)
    for environment in ENVIRONMENTS:
        table.add_column(environment)
    columns = [
        [f"{name[-2:]} {version}" for name, version in summary.nodes.items() if name.startswith(environment.lower())]
        for environment in ENVIRONMENTS
    ]
    for row in range(max(map(len, columns), default=0)):
        table.add_row(*(column[row] if row < len(column) else "" for column in columns))
    console.print(table)
    sent = summary.requests
    console.print(
        f"requests: {sent['sent']} sent, {sent['answered']} answered, {sent['failedByTheModule']} failed by the module "
        f"(2.1.0 until it was taken back), [bold]{sent['dropped']} dropped[/]"
    )
    if summary.seconds_to_restore is not None:
        console.print(f"first bad report to last restored node: [bold]{summary.seconds_to_restore:.1f} s[/]")
    console.print(
        f"took {summary.seconds:.0f} s, after a set-up of {summary.set_up_seconds:.0f} s: cloud, keys, versions, nodes"
    )
    for failure in summary.failures:
        console.print(f"[bold red]not as promised:[/] {escape(failure)}")
    if summary.passed:
        console.print("[bold green]as promised[/]")


def print_environment(console: Console, environment: Mapping[str, Any]) -> None:
    """How one environment went, wave by wave."""
    console.print(f"  {environment['environment']}: {environment['phase']} {escape(environment.get('message') or '')}")
    for wave in environment["waves"]:
        sentence = escape(wave.get("sentence") or "")
        size = f"{wave['upto']} %" if environment["byWeight"] else f"{wave['upto'] - wave['first']} nodes"
        console.print(f"    wave {wave['number'] + 1}: {size}, {wave['decision'] or wave['status']}. {sentence}")
