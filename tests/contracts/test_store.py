"""What every Store promises, on the fake and on DynamoDB."""

from __future__ import annotations

import pytest

from chalicelib.adapters.dynamodb.table import DynamoStore
from chalicelib.domain.deployment import Deployment
from chalicelib.domain.environment import Environment
from chalicelib.domain.errors import StaleWrite
from chalicelib.domain.module import SigningKey
from chalicelib.domain.node import Member, Node, PendingNode
from chalicelib.domain.policy import Policy
from chalicelib.domain.timeline import Event
from chalicelib.domain.turn import Turn
from chalicelib.usecases.ports import Add, Remove, Replace, Store
from tests.builders import (
    DEPLOYMENT_ID,
    a_deployment,
    a_member,
    a_node,
    a_pending_node,
    a_policy,
    a_signing_key,
    a_turn,
    a_version,
    an_event,
)
from tests.fakes import FakeStore


@pytest.fixture(params=["fake", "dynamodb"])
def store(request: pytest.FixtureRequest) -> Store:
    if request.param == "fake":
        return FakeStore()
    return DynamoStore(request.getfixturevalue("dynamodb"), "hotswap")


def test_what_was_added_is_there(store: Store):
    store.commit(Add(a_deployment()))

    assert store.get(Deployment, DEPLOYMENT_ID) == a_deployment()


def test_what_nobody_added_is_none(store: Store):
    assert store.get(Deployment, "unknown") is None


def test_several_are_read_at_once_in_the_order_they_were_asked_for_and_what_is_missing_is_none(store: Store):
    store.commit(Add(a_deployment()), Add(a_turn()))
    turn = (Turn, ("Production", "payment-processor"))

    found = store.get_many(turn, (Deployment, ("unknown",)), (Deployment, (DEPLOYMENT_ID,)), turn)

    assert found == (a_turn(), None, a_deployment(), a_turn())
    assert store.get_many() == ()


def test_more_than_a_hundred_records_are_read_together_too(store: Store):
    ids = [f"01J{number:023d}" for number in range(130)]
    for each in ids:
        store.commit(Add(a_deployment(id=each)))

    found = store.get_many(*((Deployment, (each,)) for each in reversed(ids)))

    assert [deployment.id for deployment in found] == list(reversed(ids))


def test_adding_what_exists_is_stale_and_leaves_it(store: Store):
    store.commit(Add(a_deployment()))

    with pytest.raises(StaleWrite) as caught:
        store.commit(Add(a_deployment(version="3.0.0")))

    assert (caught.value.kind, caught.value.key) == ("Deployment", DEPLOYMENT_ID)
    assert store.get(Deployment, DEPLOYMENT_ID) == a_deployment()


def test_the_next_revision_replaces_the_one_before(store: Store):
    store.commit(Add(a_turn()))

    store.commit(Replace(a_turn(fence=7, revision=1)))

    assert store.get(Turn, "Production", "payment-processor") == a_turn(fence=7, revision=1)


@pytest.mark.parametrize("revision", [0, 2])
def test_replacing_any_other_revision_is_stale(store: Store, revision: int):
    store.commit(Add(a_turn()))

    with pytest.raises(StaleWrite) as caught:
        store.commit(Replace(a_turn(fence=7, revision=revision)))

    assert (caught.value.kind, caught.value.key) == ("Turn", "Production/payment-processor")


def test_replacing_what_is_not_there_is_stale(store: Store):
    with pytest.raises(StaleWrite):
        store.commit(Replace(a_turn(revision=1)))


def test_removing_takes_it_away_once(store: Store):
    store.commit(Add(a_pending_node()))

    store.commit(Remove(a_pending_node()))

    assert store.get(PendingNode, *a_pending_node().key) is None
    with pytest.raises(StaleWrite):
        store.commit(Remove(a_pending_node()))


def test_nothing_to_commit_is_nothing(store: Store):
    store.commit()


def test_of_several_changes_none_is_made_when_one_cannot_be(store: Store):
    store.commit(Add(a_turn()), Add(a_pending_node()))

    with pytest.raises(StaleWrite) as caught:
        store.commit(
            Add(a_deployment()),
            Remove(a_pending_node()),
            Replace(a_turn(fence=1, revision=5)),
            Replace(a_node(revision=9)),
        )

    assert caught.value.kind == "Turn"
    assert store.get(Deployment, DEPLOYMENT_ID) is None
    assert store.get(PendingNode, *a_pending_node().key) == a_pending_node()
    assert store.get(Turn, *a_turn().key) == a_turn()


def test_several_changes_are_made_together(store: Store):
    store.commit(Add(a_pending_node()), Add(a_turn()))

    store.commit(Remove(a_pending_node()), Replace(a_turn(fence=1, revision=1)), Add(an_event()))

    assert store.get(PendingNode, *a_pending_node().key) is None
    assert store.get(Turn, *a_turn().key) == a_turn(fence=1, revision=1)
    assert store.list(Event, DEPLOYMENT_ID) == (an_event(),)


def test_more_than_a_transaction_takes_is_a_mistake(store: Store):
    with pytest.raises(ValueError):
        store.commit(*(Add(an_event(seq=number)) for number in range(101)))


def test_what_is_written_beside_a_record_counts_too(store: Store):
    with pytest.raises(ValueError):
        store.commit(Add(a_deployment()), *(Add(an_event(seq=number)) for number in range(99)))

    store.commit(Add(a_deployment()), *(Add(an_event(seq=number)) for number in range(98)))


def test_one_record_changed_twice_is_a_mistake(store: Store):
    with pytest.raises(ValueError):
        store.commit(Add(a_turn()), Replace(a_turn(revision=1)))


def test_a_list_is_in_key_order_and_holds_only_its_kind(store: Store):
    store.commit(Add(a_deployment()), *(Add(an_event(seq=number)) for number in (3, 1, 2)))

    assert [event.seq for event in store.list(Event, DEPLOYMENT_ID)] == [1, 2, 3]


def test_a_list_goes_on_after_what_is_known(store: Store):
    store.commit(*(Add(an_event(seq=number)) for number in range(1, 6)))

    assert [event.seq for event in store.list(Event, DEPLOYMENT_ID, after="00000002", limit=2)] == [3, 4]
    assert [event.seq for event in store.list(Event, DEPLOYMENT_ID, after="00000000")] == [1, 2, 3, 4, 5]
    assert store.list(Event, DEPLOYMENT_ID, after="00000005") == ()


def test_a_list_may_begin_at_the_newest(store: Store):
    store.commit(*(Add(a_policy(revision=number)) for number in (1, 2, 3)))

    assert [p.revision for p in store.list(Policy, "Production", newest_first=True, limit=1)] == [3]
    assert [p.revision for p in store.list(Policy, "Production", newest_first=True, after="00000003")] == [2, 1]


def test_a_list_without_any_prefix_holds_all_of_a_kind_with_one_partition(store: Store):
    keys = [a_signing_key(key_id=name) for name in ("ed25519:a", "ed25519:b")]
    store.commit(*map(Add, keys))

    assert store.list(SigningKey) == tuple(keys)


def test_a_list_needs_the_whole_partition(store: Store):
    with pytest.raises(ValueError):
        store.list(Member, DEPLOYMENT_ID)


def test_a_name_that_begins_like_another_is_no_part_of_its_list(store: Store):
    store.add_many([a_pending_node(position="a"), a_pending_node(position="a#b"), a_pending_node(position="ab")])

    assert store.list(PendingNode, DEPLOYMENT_ID, "a") == (a_pending_node(position="a"),)


def test_separators_inside_a_key_never_make_two_records_one(store: Store):
    one = a_member(deployment_id="a#QA", node_id="x")
    other = a_member(deployment_id="a", environment=Environment.QA, node_id="x")

    store.commit(Add(one), Add(other))

    assert store.get(Member, *one.key) == one
    assert store.get(Member, *other.key) == other


def test_many_are_written_and_writing_them_again_changes_nothing(store: Store):
    members = [a_member(node_id=f"p-{number:03d}", rank=number) for number in range(60)]

    store.add_many(members)
    store.add_many(members)

    assert store.list(Member, DEPLOYMENT_ID, "Production") == tuple(members)


def test_a_list_longer_than_one_answer_of_the_database_is_whole(store: Store):
    nodes = [a_node(id=f"p-{number:03d}", labels={"padding": "x" * 40_000}) for number in range(60)]
    store.add_many(nodes)

    assert store.list(Node, "Production") == tuple(nodes)


def test_a_record_changed_after_it_was_read_is_not_the_stored_one(store: Store):
    labels = {"zone": "a"}
    store.commit(Add(a_node(labels=labels)))

    labels["zone"] = "b"

    stored = store.get(Node, *a_node().key)
    assert stored is not None
    assert stored.labels == {"zone": "a"}


def test_what_the_table_cannot_hold_is_a_mistake(store: Store):
    with pytest.raises(TypeError):
        store.commit(Add(an_event(detail={"share": 0.5})))


def test_a_version_and_its_module_pointer_do_not_mix(store: Store):
    store.commit(Add(a_version()))

    assert store.list(type(a_version()), "payment-processor") == (a_version(),)
