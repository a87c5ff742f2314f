"""An alias becomes a node, once, and looked at at once; removed, it may become one again."""

from __future__ import annotations

import pytest

from chalicelib.domain.alias import AliasClaim
from chalicelib.domain.assignment import Assignment
from chalicelib.domain.environment import Environment
from chalicelib.domain.errors import AlreadyExists, Conflict, InvalidInput
from chalicelib.domain.node import Node, taking_part
from chalicelib.domain.timeline import AuditRecord
from chalicelib.usecases.change_node import cordon_node, drain_node, remove_node
from chalicelib.usecases.enrol_node import Enrolment, enrol_node
from chalicelib.usecases.ports import Add
from chalicelib.usecases.register_alias import register_alias
from tests.builders import MODULE
from tests.fakes import FakeCalls, fake_ports
from tests.usecases.alias_scene import ADA, a_registration


def test_the_node_its_audit_record_and_the_first_look_come_with_one_write() -> None:
    orders = FakeCalls()
    ports = fake_ports(aliases=orders)

    node = register_alias(a_registration(labels={"team": "a"}), caller=ADA, ports=ports)

    assert ports.store.get(Node, node.environment, node.id) == node
    (record,) = ports.store.list(AuditRecord, f"node:{node.id}")
    assert (record.actor, record.action) == ("ada", "NodeEnrolled")
    assert [(each["environment"], each["moduleName"]) for each in orders.ordered] == [("Development", MODULE)]


def test_a_node_nobody_has_looked_at_takes_no_deployment() -> None:
    ports = fake_ports()
    node = register_alias(a_registration(), caller=ADA, ports=ports)

    staying, left_out = taking_part([node], {}, module=MODULE, now_ms=ports.clock.machine_ms())

    assert (staying, [each.name for each in left_out]) == ((), ["payments-live"])


def test_one_alias_is_one_node_in_whatever_environment() -> None:
    ports = fake_ports()
    register_alias(a_registration(), caller=ADA, ports=ports)

    with pytest.raises(AlreadyExists):
        register_alias(a_registration(environment=Environment.QA, name="other"), caller=ADA, ports=ports)


def test_a_removed_alias_may_be_registered_anew() -> None:
    ports = fake_ports()
    node = register_alias(a_registration(), caller=ADA, ports=ports)
    remove_node(node.id, reason="", caller=ADA, ports=ports)

    again = register_alias(a_registration(), caller=ADA, ports=ports)

    assert [claim.node_id for claim in ports.store.list(AliasClaim)] == [again.id]


def test_a_module_that_runs_on_kernels_does_not_run_on_aliases_too() -> None:
    ports = fake_ports()
    ports.store.commit(Add(Assignment(environment=Environment.DEVELOPMENT, module=MODULE, stable_digest="sha256:a")))

    with pytest.raises(Conflict):
        register_alias(a_registration(), caller=ADA, ports=ports)


@pytest.mark.parametrize(("changes", "field"), [({"function": "payments"}, "functionName"), ({"alias": "12"}, "alias")])
def test_names_that_lambda_or_our_own_policy_would_refuse_are_refused(changes: dict[str, str], field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        register_alias(a_registration(**changes), caller=ADA, ports=fake_ports())

    assert [violation.field for violation in refused.value.violations] == [field]


def test_an_alias_can_be_cordoned_but_not_drained() -> None:
    ports = fake_ports()
    node = register_alias(a_registration(), caller=ADA, ports=ports)

    assert cordon_node(node.id, reason="", caller=ADA, ports=ports).status == "Cordoned"
    with pytest.raises(Conflict, match="remove it"):
        drain_node(node.id, reason="", caller=ADA, ports=ports)


def test_nobody_enrols_as_an_alias() -> None:
    enrolment = Enrolment(name="x", kind=register_alias(a_registration(), caller=ADA, ports=fake_ports()).kind)

    with pytest.raises(InvalidInput):
        enrol_node("hse_token", enrolment, heartbeat_ms=1_000, new_secret=lambda: "s", ports=fake_ports())


def test_no_credential_acts_as_an_alias() -> None:
    node = register_alias(a_registration(), caller=ADA, ports=fake_ports())

    assert node.credential_hash == "", "a hash is never empty, so no credential fits"
