"""`make run`: the whole stack with light traffic, left running. State lies under `.hotswap/` and survives Ctrl-C and SIGKILL."""

from __future__ import annotations

import argparse
import fcntl
import signal
import sys
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import IO

from rich.console import Console

from infra.local.demo_policies import allow_first_install, shorten_policies
from infra.local.fleet import (
    VERSIONS,
    Signer,
    is_registered,
    nodes_running,
    plan_nodes,
    publish,
    start_nodes,
    targets,
)
from infra.local.kernels import Kernels
from infra.local.stack import USERS, LocalStack, StackSettings
from infra.local.traffic import Traffic, wait_until
from kernel.examples.build import MODULE

REQUESTS_PER_SECOND = 5
PRODUCTION_BAKE_SECONDS = 20


def main(arguments: list[str] | None = None) -> int:
    """Run until Ctrl-C or SIGTERM; 0 when everything that was started has ended."""
    parser = argparse.ArgumentParser(prog="make run", description=__doc__)
    parser.add_argument("--data-dir", type=Path, default=Path(".hotswap"), metavar="DIR")
    parser.add_argument("--no-traffic", action="store_true", help="send no requests to the nodes")
    told = parser.parse_args(arguments)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    console = Console(highlight=False)
    with ExitStack() as stack:
        if not _alone(stack, told.data_dir):
            console.print(f"Another stack works in {told.data_dir}; end it first.")
            return 1
        _serve(stack, console, StackSettings.from_env(told.data_dir), stop, traffic=not told.no_traffic)
    console.print("ended")
    return 0


def _serve(
    stack: ExitStack, console: Console, settings: StackSettings, stop: threading.Event, *, traffic: bool
) -> None:
    console.print("starting the cloud on this machine …")
    local = stack.enter_context(LocalStack(settings))
    admin = local.client("ada")
    kernels = Kernels(control_plane=local.url, data_dir=settings.data_dir / "nodes")
    stack.callback(kernels.stop)
    nodes = plan_nodes(settings.node_port)
    _prepare(local, settings)
    start_nodes(kernels, nodes, admin=admin)
    wait_until(lambda: stop.is_set() or nodes_running(admin) == len(nodes), what="all nodes up", seconds=90)
    if not stop.is_set() and not admin.get("/api/v1/deployments?limit=1")["deployments"]:
        console.print(f"bringing {MODULE} 1.0.0 to every environment; this takes half a minute, once …")
        _first_deployment(local, stop)
    if traffic and not stop.is_set():
        stack.callback(Traffic(targets(nodes, per_second=REQUESTS_PER_SECOND)).start().stop)
    _tell(console, local)
    while not stop.wait(1.0):
        for pid in kernels.ended():
            console.print(f"[red]kernel process {pid} ended; see {kernels.data_dir}/*.log[/]")
            stop.set()
    console.print("ending …")


def _prepare(local: LocalStack, settings: StackSettings) -> None:
    """Policies, a signing key and the three versions, unless an earlier start made them."""
    admin, dana = local.client("ada"), local.client("dana")
    if is_registered(dana, "2.1.0"):
        return
    shorten_policies(admin, production_bake_seconds=PRODUCTION_BAKE_SECONDS)
    signer = Signer.kept(admin, settings.data_dir / "signing-key.pem")
    for version, faults in VERSIONS.items():
        publish(version, faults, signer=signer, folder=settings.data_dir / "artifacts", client=dana)


def _first_deployment(local: LocalStack, stop: threading.Event) -> None:
    dana, amal = local.client("dana"), local.client("amal")
    allow_first_install(local.client("ada"))
    body = {"moduleName": MODULE, "version": "1.0.0", "targetEnvironment": "Production"}
    deployment = dana.post("/api/v1/deployments", body)["executionId"]

    def ended() -> bool:
        found = dana.get(f"/api/v1/deployments/{deployment}")
        if found["status"] == "PendingApproval":
            amal.post(f"/api/v1/approvals/deployments/{deployment}/approve", {"reason": "first start"})
        return stop.is_set() or found["endTime"] is not None

    wait_until(ended, what="1.0.0 in every environment", seconds=180, every_s=0.5)
    shorten_policies(local.client("ada"), production_bake_seconds=PRODUCTION_BAKE_SECONDS)


def _tell(console: Console, local: LocalStack) -> None:
    url = local.url
    console.rule("[bold]HotSwap is running")
    console.print(f"console  {url}/")
    console.print(f"API      {url}    (OpenAPI: {url}/openapi.json)", soft_wrap=True)
    console.print(f"emulator {local.cloud.endpoint_url}    (aws --endpoint-url)")
    console.print(f"log      {local.settings.data_dir / 'hotswap.log'}")
    for title, (user, password) in zip(("users", *[""] * len(USERS)), local.passwords.items(), strict=False):
        console.print(f"{title:<8} {user:<4} / {password}    {', '.join(USERS[user])}", soft_wrap=True)
    console.print("\nnext, in a browser:", style="bold")
    console.print(f"  {url}/deployments/new?module={MODULE}&version=2.0.0&to=Production as dana;", soft_wrap=True)
    console.print("  what then waits for approval is answered as amal, in a private window")
    console.print("\nor by hand:", style="bold")
    login = f'{{"username":"dana","password":"{local.passwords["dana"]}"}}'
    console.print(
        f"  TOKEN=$(curl -s {url}/api/v1/authentication/login -H 'Content-Type: application/json' "
        f"-d '{login}' | python3 -c 'import json,sys; print(json.load(sys.stdin)[\"accessToken\"])')",
        soft_wrap=True,
    )
    body = f'{{"moduleName":"{MODULE}","version":"2.0.0","targetEnvironment":"Production"}}'
    console.print(
        f'  curl -s {url}/api/v1/deployments -H "Authorization: Bearer $TOKEN" '
        f"-H 'Content-Type: application/json' -d '{body}'",
        soft_wrap=True,
    )
    console.print(f'  curl -s {url}/api/v1/clusters/Production -H "Authorization: Bearer $TOKEN"', soft_wrap=True)
    console.print("\nCtrl-C ends every process; the state stays in .hotswap/")


def _alone(stack: ExitStack, data_dir: Path) -> bool:
    """Whether no other process works in this folder; the lock goes with the process, however it ends."""
    data_dir.mkdir(parents=True, exist_ok=True)
    lock: IO[str] = stack.enter_context((data_dir / "lock").open("w"))
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())
