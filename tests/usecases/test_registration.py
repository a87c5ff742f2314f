"""What operators register: versions that never change, keys that never come back, nodes that enrol once."""

from __future__ import annotations

import base64
import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.domain.environment import Environment
from chalicelib.domain.errors import AlreadyExists, Conflict, NotAuthenticated, NotFound, StaleWrite
from chalicelib.domain.module import ModuleVersion, VersionStatus
from chalicelib.domain.node import EnrolToken, Node, NodeStatus
from chalicelib.domain.timeline import AuditRecord
from chalicelib.usecases.add_signing_key import add_signing_key, key_id_of
from chalicelib.usecases.auditing import MAX_TRIES, Deed, audited, decide_and_commit
from chalicelib.usecases.change_node import cordon_node, drain_node, remove_node, uncordon_node
from chalicelib.usecases.enrol_node import Enrolled, Enrolment, enrol_node
from chalicelib.usecases.find_versions import KnownVersions
from chalicelib.usecases.make_enrol_token import make_enrol_token
from chalicelib.usecases.ports import Add, Ports
from chalicelib.usecases.quarantine_version import quarantine_version
from chalicelib.usecases.read_audit import verify_chain
from chalicelib.usecases.register_version import Registered, VersionRequest, register_version
from chalicelib.usecases.revoke_signing_key import revoke_signing_key
from tests.builders import MODULE, NEW_DIGEST, NODE_ID, OLD_DIGEST, a_node, a_version
from tests.fakes import FakeAuditKeys, FakeClock, FakeStore, fake_ports
from tests.usecases.scene import DANA
from tests.usecases.stores import InterruptedStore

PUBLIC_KEY = base64.b64encode(b"k" * 32).decode()


def register(ports: Ports, **changes: Any) -> Registered:
    given: dict[str, Any] = {"module": MODULE, "version": "2.0.0", "digest": NEW_DIGEST, "size": 7, "signature": "s"}
    return register_version(VersionRequest(**(given | changes)), caller=DANA, ports=ports)


def actions(ports: Ports, subject: str) -> list[str]:
    assert verify_chain(subject, keys=FakeAuditKeys(), ports=ports).is_whole
    return [record.action for record in ports.store.list(AuditRecord, subject)]


def test_a_version_is_registered_once_and_gets_a_link_as_often_as_it_asks() -> None:
    ports = fake_ports()

    first, again = register(ports), register(ports)

    assert (first.is_new, again.is_new) == (True, False)
    assert first.version == again.version == ports.store.get(ModuleVersion, MODULE, "2.0.0")
    assert NEW_DIGEST in again.upload_url
    assert actions(ports, f"module:{MODULE}:2.0.0") == ["VersionRegistered"]


@pytest.mark.parametrize("changes", [{"digest": OLD_DIGEST}, {"size": 8}, {"signature": "t"}, {"key_id": "k"}])
def test_a_version_never_changes(changes: dict[str, Any]) -> None:
    ports = fake_ports()
    register(ports)

    with pytest.raises(AlreadyExists):
        register(ports, **changes)


@pytest.mark.parametrize(("digest", "same"), [(NEW_DIGEST, True), (OLD_DIGEST, False)])
def test_whoever_registers_second_at_the_same_moment_is_told_whether_they_meant_the_same(
    digest: str, same: bool
) -> None:
    ports = fake_ports()
    store = InterruptedStore(ports.store, call="commit", meanwhile=lambda: register(ports), when=lambda *_: True)
    second = replace(ports, store=store)  # type: ignore[arg-type]

    if same:
        assert not register(second, digest=digest).is_new
    else:
        with pytest.raises(AlreadyExists):
            register(second, digest=digest)


def test_a_write_that_is_lost_to_nobody_is_not_hidden() -> None:
    store = FakeStore()
    store.fail_next(StaleWrite("ModuleVersion", "2.0.0"))

    with pytest.raises(StaleWrite):
        register(fake_ports(store=store))


def test_a_version_is_put_in_quarantine_once() -> None:
    ports = fake_ports()
    register(ports)

    quarantined = [
        quarantine_version(MODULE, "2.0.0", reason=why, caller=DANA, ports=ports) for why in ("CVE", "again")
    ]

    assert quarantined[0] == quarantined[1]
    assert (quarantined[0].status, quarantined[0].reason) == (VersionStatus.QUARANTINED, "CVE")
    with pytest.raises(NotFound):
        quarantine_version(MODULE, "9.9.9", reason="", caller=DANA, ports=ports)


def test_a_key_is_added_once_and_a_revoked_one_never_comes_back() -> None:
    ports = fake_ports()
    key, is_new = add_signing_key(PUBLIC_KEY, owner="ci", caller=DANA, ports=ports)
    assert key.key_id == key_id_of(PUBLIC_KEY) == "ed25519:" + hashlib.sha256(b"k" * 32).hexdigest()[:32]
    assert (is_new, add_signing_key(PUBLIC_KEY, owner="ci", caller=DANA, ports=ports)) == (True, (key, False))

    revoked = [revoke_signing_key(key.key_id, reason="lost", caller=DANA, ports=ports) for _ in range(2)]

    assert revoked[0] == revoked[1]
    with pytest.raises(AlreadyExists):
        add_signing_key(PUBLIC_KEY, owner="ci", caller=DANA, ports=ports)
    assert actions(ports, f"signing-key:{key.key_id}") == ["SigningKeyAdded", "SigningKeyRevoked"]


def test_a_key_belongs_to_one_owner_and_what_is_not_there_cannot_be_revoked() -> None:
    ports = fake_ports()
    add_signing_key(PUBLIC_KEY, owner="ci", caller=DANA, ports=ports)

    with pytest.raises(AlreadyExists):
        add_signing_key(PUBLIC_KEY, owner="mallory", caller=DANA, ports=ports)
    with pytest.raises(NotFound):
        revoke_signing_key("ed25519:unknown", reason="", caller=DANA, ports=ports)


def a_token(ports: Ports) -> tuple[str, EnrolToken]:
    return make_enrol_token(Environment.QA, lives_seconds=60, caller=DANA, new_secret=lambda: "one-time", ports=ports)


def enrol(token: str, ports: Ports) -> Enrolled:
    enrolment = Enrolment(name="qa-01", labels={"zone": "a"})
    return enrol_node(token, enrolment, heartbeat_ms=1_000, new_secret=lambda: "credential", ports=ports)


def test_a_token_enrols_one_node_in_its_environment_and_pins_the_keys_that_are_good() -> None:
    ports = fake_ports()
    add_signing_key(PUBLIC_KEY, owner="ci", caller=DANA, ports=ports)
    token, record = a_token(ports)

    enrolled = enrol(token, ports)

    assert (token, record.environment) == ("hse_one-time", Environment.QA)
    assert enrolled.node.id.startswith("q-")
    assert enrolled.node.credential_hash == hashlib.sha256(enrolled.credential.encode()).hexdigest()
    assert [root.public_key for root in enrolled.trust_roots] == [PUBLIC_KEY]
    assert ports.store.get(Node, Environment.QA, enrolled.node.id) == enrolled.node
    with pytest.raises(NotAuthenticated):
        enrol(token, ports)


def test_of_many_who_send_one_token_one_is_enrolled() -> None:
    ports = fake_ports()
    token, _ = a_token(ports)

    def attempt(_: int) -> bool:
        try:
            enrol(token, ports)
        except NotAuthenticated:
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        enrolled = list(threads.map(attempt, range(16)))

    assert enrolled.count(True) == len(ports.store.list(Node, Environment.QA)) == 1


def test_an_unknown_or_expired_token_enrols_nobody() -> None:
    ports = fake_ports()
    token, _ = a_token(ports)
    assert isinstance(ports.clock, FakeClock)
    ports.clock.advance(seconds=60)

    for bad in (token, "hse_unknown"):
        with pytest.raises(NotAuthenticated):
            enrol(bad, ports)


def test_of_two_enrolments_that_cross_one_is_refused() -> None:
    ports = fake_ports()
    token, _ = a_token(ports)
    store = InterruptedStore(ports.store, call="commit", meanwhile=lambda: enrol(token, ports), when=lambda *_: True)

    with pytest.raises(NotAuthenticated):
        enrol(token, replace(ports, store=store))  # type: ignore[arg-type]


def test_a_node_is_cordoned_drained_brought_back_and_removed_for_good() -> None:
    ports = fake_ports()
    ports.store.commit(Add(a_node()))
    changes = (cordon_node, cordon_node, drain_node, uncordon_node, remove_node, remove_node)

    after = [change(NODE_ID, reason="", caller=DANA, ports=ports).status for change in changes]

    assert after == [
        *(NodeStatus.CORDONED, NodeStatus.CORDONED, NodeStatus.DRAINING),
        *(NodeStatus.ACTIVE, NodeStatus.REMOVED, NodeStatus.REMOVED),
    ]
    assert actions(ports, f"node:{NODE_ID}") == ["NodeCordoned", "NodeDraining", "NodeActive", "NodeRemoved"]
    with pytest.raises(Conflict):
        cordon_node(NODE_ID, reason="", caller=DANA, ports=ports)


@pytest.mark.parametrize("node_id", ["p-unknown", "nonsense"])
def test_a_node_there_is_not_cannot_be_changed(node_id: str) -> None:
    with pytest.raises(NotFound):
        cordon_node(node_id, reason="", caller=DANA, ports=fake_ports())


def test_a_digest_is_found_again_without_reading_and_an_unknown_one_is_not() -> None:
    ports, known = fake_ports(), KnownVersions()
    ports.store.commit(Add(a_version()))
    found = known.find(MODULE, [NEW_DIGEST], ports=ports)

    assert known.find(MODULE, [NEW_DIGEST], ports=fake_ports()) == found == {NEW_DIGEST: a_version()}
    with pytest.raises(NotFound):
        known.find(MODULE, [OLD_DIGEST], ports=ports)


def test_a_chain_has_no_gap_whoever_writes_to_it_at_once() -> None:
    ports = fake_ports()
    deed = Deed(subject="s", actor="dana", action="Did", detail={})

    with ThreadPoolExecutor(4) as threads:
        list(
            threads.map(lambda _: decide_and_commit(lambda: (None, (audited(deed, ports=ports),)), ports=ports), "abcd")
        )

    assert actions(ports, "s") == ["Did"] * 4


def test_a_deed_that_loses_every_time_is_told() -> None:
    store = FakeStore()
    store.fail_next(*[StaleWrite("AuditRecord", "s")] * MAX_TRIES)
    ports = fake_ports(store=store)

    with pytest.raises(StaleWrite):
        decide_and_commit(lambda: (None, (Add(a_version()),)), ports=ports)
