"""What a day's requests and deployments do, over and over, for a profiler to look at: `make flame`."""

from __future__ import annotations

import argparse
import json
import sys
import time

from load.meter import Meter
from load.quiet import without_log
from tests.stories.conftest import a_world
from tests.stories.world import World

MODULES = 5


def main() -> int:
    """Run for about so many seconds, and print where the time of each call went."""
    parser = argparse.ArgumentParser(prog="python -m load.bench.hot_paths", description=__doc__)
    parser.add_argument("--seconds", type=float, default=20.0)
    end = time.monotonic() + parser.parse_args().seconds
    meter = Meter()
    with without_log(), a_world(on_dynamodb=True) as world:
        world.http.gateway.around, world.cloud.call_hook.around = meter.around_request, meter.around_call
        world.has_nodes("Development", 3)
        world.has_nodes("Production", 10)
        modules = [f"module-{number}" for number in range(MODULES)]
        for module in modules:
            world.has_version("1.0.0", module=module)
            world.has_version("1.0.1", module=module)
        turn = 0
        while time.monotonic() < end:
            module, version = modules[turn % MODULES], ("1.0.0", "1.0.1")[turn // MODULES % 2]
            _ask(world, _deployed(world, module, version))
            turn += 1
    print(json.dumps(meter.told(), indent=1))
    return 0


def _deployed(world: World, module: str, version: str) -> str:
    done = world.run(world.deploy(version, "Development", module=module, allowDowngrade=True))
    return str(done["executionId"])


def _ask(world: World, deployment: str) -> None:
    """The mix of load/README.md, roughly."""
    for _ in range(40):
        world.ok("vic", "GET", f"/api/v1/deployments/{deployment}")
    for _ in range(15):
        world.ok("vic", "GET", f"/api/v1/deployments/{deployment}/events?after=0")
    for _ in range(5):
        world.ok("vic", "GET", "/api/v1/deployments?limit=20")
        world.ok("vic", "GET", "/api/v1/clusters/Production")
        world.ok("vic", "GET", "/api/v1/clusters/Production/metrics")
    for _ in range(3):
        world.time.advance(1_000)
        for node in world.nodes["Production"]:
            node.beat(world.time.now_ms())


if __name__ == "__main__":
    sys.exit(main())
