"""A deployment's timeline as it happens, one line an event."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from rich.console import Console
from rich.markup import escape

from infra.local.api_client import ApiClient

_STYLES = {
    "promote": "green",
    "hold": "yellow",
    "rollback": "bold red",
    "Completed": "bold green",
    "RolledBack": "bold yellow",
}


class Timeline:
    """Follows one deployment by long polls and prints what is new; each event exactly once, in order."""

    def __init__(self, console: Console, client: ApiClient, deployment: str) -> None:
        self._console = console
        self._client = client
        self._deployment = deployment
        self._after = 0
        self.status = "Pending"

    def follow(self, *, wait_seconds: int) -> bool:
        """Print what happened since the last call, waiting at most so long for it; true when the deployment has ended."""
        path = f"/api/v1/deployments/{self._deployment}/events?after={self._after}&waitSeconds={wait_seconds}"
        answer = self._client.get(path)
        for event in answer["events"]:
            self._print(event)
        self._after = answer["nextAfter"]
        self.status = answer["status"]
        return bool(answer["ended"])

    def _print(self, event: dict[str, Any]) -> None:
        at = datetime.fromisoformat(event["at"]).astimezone()
        place = event.get("environment") or ""
        wave = event.get("wave")
        where = f"{place} wave {wave + 1}" if wave is not None else place
        self._console.print(
            f"[dim]{at:%H:%M:%S}.{at.microsecond // 100_000}[/]  {escape(where):<20} {_told(event)}", soft_wrap=True
        )


def _told(event: dict[str, Any]) -> str:
    detail = event["detail"]
    match event["type"]:
        case "StageEnded":
            return f"{detail['stage']} {detail['status']}: {escape(detail['message'])}"
        case "PlanMade":
            return f"plan: {detail['strategy']} over {_plan(detail)}"
        case "WaveStarted":
            return f"{detail['kind']} {', '.join(detail['nodes'])}" + (
                f" to {detail['upto']} %" if detail.get("byWeight") else ""
            )
        case "WaveDeployed":
            return f"{detail['nodes']} nodes answered, {detail['failed']} failed; baking"
        case "VerdictReached":
            style = _STYLES.get(detail["decision"], "")
            return f"[{style}]{detail['decision']}[/] ({detail['comparedWith']}): {escape(detail['sentence'])}"
        case "RestoreStarted":
            return f"[bold red]taking back {detail['nodes']} nodes[/]"
        case "RestoreEnded":
            restored = ", ".join(detail["restored"])
            return f"{detail['outcome']} in {detail['milliseconds']} ms: {restored}"
        case "ApprovalRequested":
            return f"approval asked for, {detail['approversNeeded']} needed"
        case "ApprovalDecided":
            return f"{detail['outcome']} by {escape(detail['by'])}: {escape(detail['reason'])}"
        case "EnvironmentSkipped":
            return "runs this version already: skipped"
        case "DeploymentEnded":
            style = _STYLES.get(detail["status"], "bold red")
            return f"[{style}]{detail['status']}[/]"
        case other:
            return str(other)


def _plan(detail: dict[str, Any]) -> str:
    by_weight = detail.get("byWeight", False)
    told: list[str] = []
    reached, kind = 0, ""
    for wave in detail["waves"]:
        # By weight a wave is told by what it reaches, which begins anew where staged versions are switched to.
        reached = reached + wave["nodes"] if by_weight and wave["kind"] == kind else wave["nodes"]
        kind = wave["kind"]
        told.append(f"{reached}{' %' if by_weight else ''} {kind} + {wave['bakeSeconds']} s")
    return f"{detail['fleet']} {'aliases' if by_weight else 'nodes'}: {', '.join(told)}"
