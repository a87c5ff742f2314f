"""The main stories once more with every record in the table itself."""

from __future__ import annotations

from tests.stories.nodes import Behaviour


def test_a_good_version_goes_out_and_a_bad_one_is_taken_back_on_the_real_table(world_on_dynamodb):
    world = world_on_dynamodb
    world.has_nodes("Production", 3)
    world.runs("1.0.0")
    world.has_version("2.0.0")
    world.has_version("2.1.0", Behaviour(error_rate=0.2, latency_ms=12.0))

    good = world.run(world.deploy("2.0.0"), approve=True)
    bad = world.run(world.deploy("2.1.0"), approve=True)

    assert (good["status"], bad["status"]) == ("Completed", "RolledBack")
    assert world.running() == ["2.0.0"] * 3
    seqs = [event["seq"] for event in world.events(bad["executionId"])]
    assert seqs == list(range(1, len(seqs) + 1)), "the timeline has no gaps"
