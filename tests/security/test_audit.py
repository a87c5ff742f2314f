"""The audit (rows U01, U02): every way to falsify it shows, whatever may be written by whoever falsifies it."""

from __future__ import annotations

import base64
import dataclasses
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.adapters.signatures import Ed25519Signatures
from chalicelib.domain.audit_check import checkpoint_faults
from chalicelib.domain.checkpoint import Checkpoint, Head, SealedHead, merkle_paths, merkle_root, root_from
from chalicelib.domain.errors import Unavailable
from chalicelib.domain.timeline import AuditRecord, audit_hash
from chalicelib.usecases.auditing import Deed, audited
from chalicelib.usecases.ports import Add, Remove, Replace, SignedBy
from chalicelib.usecases.read_audit import verify_chain, verify_checkpoints
from chalicelib.usecases.seal_audit import OVERLAP_MS, SETTLES_MS, seal_audit
from infra.verify_audit import faults_of, main, read_export
from tests.fakes import FakeAuditKeys, FakeClock, FakeStore, fake_ports
from tests.routes.conftest import Api, make_api


class OneKey:
    """Seals with a key of its own."""

    def __init__(self) -> None:
        self.key = Ed25519PrivateKey.generate()

    @property
    def public(self) -> str:
        return base64.b64encode(self.key.public_key().public_bytes_raw()).decode()

    def public_keys(self) -> dict[str, str]:
        return {"ed25519:test": self.public}

    def sign(self, message: bytes) -> SignedBy:
        signature = base64.b64encode(self.key.sign(message)).decode()
        return SignedBy(key_id="ed25519:test", public_key=self.public, signature=signature)


class Audit:
    """An audit with two chains and checkpoints over both, and whoever may write to all of its table."""

    def __init__(self) -> None:
        self.clock, self.store, self.signer = FakeClock(), FakeStore(), OneKey()
        self.ports = fake_ports(clock=self.clock, store=self.store, signatures=Ed25519Signatures())
        for number in range(4):
            self.happens("policy:Production", number)
            self.happens("user:dana", number)
            self.seal()

    def happens(self, subject: str, number: int) -> None:
        deed = Deed(subject=subject, actor="ada", action="Did", detail={"number": number})
        self.store.commit(audited(deed, ports=self.ports))

    def seal(self) -> Checkpoint | None:
        self.clock.advance(seconds=60)
        return seal_audit(signer=self.signer, ports=self.ports)

    def chain(self, subject: str = "policy:Production") -> list[AuditRecord]:
        return list(self.store.list(AuditRecord, subject))

    def rewrite(self, records: list[AuditRecord], *, rehash: bool, subject: str = "policy:Production") -> None:
        """Put these records in place of a chain, each with its number; hashed anew where somebody is thorough."""
        for record in self.chain(subject):
            self.store.commit(Remove(record))
        previous = ""
        for record in records:
            made = record
            if rehash:
                made = replace(record, previous_hash=previous, hash="")
                made = replace(made, hash=audit_hash(made))
            previous = made.hash
            self.store.commit(Add(made))

    def faults(self) -> set[str]:
        keys, ports = self.signer, self.ports
        chains = [verify_chain(each, keys=keys, ports=ports) for each in ("policy:Production", "user:dana")]
        found = {fault.what for check in chains for fault in check.faults}
        return found | {fault.what for fault in verify_checkpoints(after=0, limit=100, keys=keys, ports=ports).faults}


@pytest.fixture
def audit() -> Audit:
    return Audit()


def test_u01_an_audit_nobody_touched_is_whole_and_sealed_to_its_end(audit: Audit) -> None:
    check = verify_chain("policy:Production", keys=audit.signer, ports=audit.ports)

    assert audit.faults() == set()
    assert (check.is_whole, check.records, check.sealed_upto) == (True, 4, 4)


def edited(chain: list[AuditRecord]) -> list[AuditRecord]:
    return [*chain[:1], replace(chain[1], actor="mallory"), *chain[2:]]


def without_the_middle(chain: list[AuditRecord]) -> list[AuditRecord]:
    return [chain[0], *chain[2:]]


def renumbered(chain: list[AuditRecord]) -> list[AuditRecord]:
    return [replace(record, seq=seq) for seq, record in enumerate(chain, start=1)]


def with_one_more(chain: list[AuditRecord]) -> list[AuditRecord]:
    return renumbered([*chain[:2], replace(chain[1], detail={"number": 9}), *chain[2:]])


FALSIFIED: dict[str, tuple[Callable[[list[AuditRecord]], list[AuditRecord]], bool, str]] = {
    "edit": (edited, False, "RECORD_CHANGED"),
    "delete the middle": (without_the_middle, False, "RECORD_MISSING"),
    "delete the tail": (lambda chain: chain[:-1], False, "END_CUT_OFF"),
    "delete everything": (lambda _chain: [], False, "END_CUT_OFF"),
    "insert": (with_one_more, False, "CHAIN_BROKEN"),
    "reorder": (lambda chain: renumbered([chain[1], chain[0], *chain[2:]]), False, "CHAIN_BROKEN"),
    "edit and hash anew": (edited, True, "CHAIN_REWRITTEN"),
    "delete the middle and hash anew": (lambda chain: renumbered(without_the_middle(chain)), True, "END_CUT_OFF"),
    "delete the tail and write another": (
        lambda chain: [*chain[:-1], replace(chain[-1], detail={"number": 9})],
        True,
        "CHAIN_REWRITTEN",
    ),
    "insert and hash anew": (with_one_more, True, "CHAIN_REWRITTEN"),
    "reorder and hash anew": (lambda chain: renumbered([chain[1], chain[0], *chain[2:]]), True, "CHAIN_REWRITTEN"),
    "rewrite all of it": (lambda chain: [replace(each, actor="nobody") for each in chain], True, "CHAIN_REWRITTEN"),
}


@pytest.mark.parametrize("case", FALSIFIED)
def test_u01_every_falsified_chain_shows(audit: Audit, case: str) -> None:
    falsify, rehash, what = FALSIFIED[case]

    audit.rewrite(falsify(audit.chain()), rehash=rehash)

    assert what in audit.faults()


def test_u01_a_chain_copied_to_another_subject_shows(audit: Audit) -> None:
    audit.rewrite([replace(each, subject="user:dana") for each in audit.chain()], rehash=False, subject="user:dana")

    assert {"RECORD_CHANGED", "CHAIN_REWRITTEN"} <= audit.faults()


def test_u01_whoever_also_changes_what_was_sealed_cannot_sign_it(audit: Audit) -> None:
    audit.rewrite(edited(audit.chain()), rehash=True)
    for head in [each for number in range(1, 5) for each in heads(audit, number)]:
        if head.subject == "policy:Production":
            now = replace(head, hash=audit.chain()[head.seq - 1].hash, revision=head.revision + 1)
            audit.store.commit(Replace(now))

    assert {"SEAL_CHANGED", "SEAL_MISSING"} <= audit.faults()


def test_u01_whoever_also_makes_a_new_root_shows_by_the_signature(audit: Audit) -> None:
    last = checkpoint(audit, 4)
    forged = replace(last, root="0" * 64, revision=last.revision + 1)
    audit.store.commit(Replace(forged))

    assert "CHECKPOINT_FORGED" in audit.faults()


def test_u01_a_checkpoint_that_is_gone_shows(audit: Audit) -> None:
    audit.store.commit(Remove(checkpoint(audit, 2)))

    assert "CHECKPOINT_MISSING" in audit.faults()


def test_u01_a_head_that_is_gone_shows(audit: Audit) -> None:
    audit.store.commit(Remove(heads(audit, 3)[0]))

    assert "SEAL_MISSING" in audit.faults()


def checkpoint(audit: Audit, number: int) -> Checkpoint:
    found = audit.store.get(Checkpoint, f"{number:08d}")
    assert found is not None
    return found


def heads(audit: Audit, number: int) -> tuple[SealedHead, ...]:
    return audit.store.list(SealedHead, checkpoint(audit, number).seal)


def test_nothing_new_makes_no_checkpoint(audit: Audit) -> None:
    assert audit.seal() is None


def test_a_record_that_turned_up_late_is_sealed_once(audit: Audit) -> None:
    audit.clock.advance(-(OVERLAP_MS // 2))
    audit.happens("user:late", 1)
    audit.clock.advance(OVERLAP_MS // 2)

    sealed = audit.seal()

    assert sealed is not None
    assert [each.subject for each in heads(audit, sealed.number)] == ["user:late"]
    assert audit.seal() is None


def test_of_two_sweeps_that_seal_at_once_one_counts_and_nothing_shows(audit: Audit) -> None:
    audit.happens("user:dana", 9)
    audit.clock.advance(seconds=60)
    inner: list[Any] = []

    class Meanwhile(OneKey):
        def sign(self, message: bytes) -> SignedBy:
            if not inner:
                inner.append(None)
                audit.happens("user:eve", 1)
                audit.clock.advance(ms=SETTLES_MS + 1)
                inner[0] = seal_audit(signer=audit.signer, ports=audit.ports)
            return audit.signer.sign(message)

    assert seal_audit(signer=Meanwhile(), ports=audit.ports) is None
    assert inner[0] is not None
    assert audit.faults() == set()


@given(st.lists(st.tuples(st.text(min_size=1), st.integers(1, 10**8), st.text("0123456789abcdef")), min_size=1))
def test_every_leaf_leads_to_the_root_and_no_other_does(leaves: list[Head]) -> None:
    root, paths = merkle_root(leaves), merkle_paths(leaves)

    for index, head in enumerate(leaves):
        assert root_from(head, index, paths[index]) == root
        assert root_from((head[0], head[1] + 1, head[2]), index, paths[index]) != root


def test_a_checkpoint_without_leaves_shows() -> None:
    empty = Checkpoint(number=1, at_ms=1, upto_ms=1, leaves=0, root="0" * 64, previous="0" * 64)

    assert [fault.what for fault in checkpoint_faults([empty], [], lambda _: True, after=None)] == ["SEAL_MISSING"]


# The stand-alone verifier.


def exported(api: Api, tmp_path: Path) -> tuple[Path, OneKey]:
    """What an auditor saves: answers of the API, one a line."""
    signer = OneKey()
    execution = api.has_deployment()
    api.ok("dana", "POST", f"/api/v1/deployments/{execution}/cancel")
    api.clock.advance(seconds=60)
    assert seal_audit(signer=signer, ports=api.ports) is not None
    day = "2026-09-21"
    seen = api.ok("ada", "GET", f"/api/v1/audit?day={day}&limit=100")["records"]
    answers = [
        api.ok("ada", "GET", f"/api/v1/audit?subject={subject}&limit=100")
        for subject in sorted({each["subject"] for each in seen})
    ]
    answers.append(api.ok("ada", "GET", "/api/v1/audit/checkpoints?limit=100"))
    file = tmp_path / "export.jsonl"
    file.write_text("".join(json.dumps(answer) + "\n" for answer in answers))
    return file, signer


def test_u01_an_export_is_verified_with_the_public_key_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, signer = exported(make_api(), tmp_path)
    noted = json.loads(file.read_text().splitlines()[-1])["checkpoints"][-1]["hash"]

    assert main([str(file), "--public-key", signer.public, "--checkpoint", noted]) == 0
    assert "all as it was sealed" in capsys.readouterr().out


def test_u01_an_export_under_another_key_or_without_a_noted_checkpoint_fails(tmp_path: Path) -> None:
    file, signer = exported(make_api(), tmp_path)

    assert main([str(file), "--public-key", OneKey().public]) == 1
    assert main([str(file), "--public-key", signer.public, "--checkpoint", "0" * 64]) == 1


def test_u01_an_export_with_one_word_changed_fails(tmp_path: Path) -> None:
    file, signer = exported(make_api(), tmp_path)
    file.write_text(file.read_text().replace('"actor": "dana"', '"actor": "anna"', 1))

    faults = faults_of(read_export(file.read_text().splitlines()), public_keys=[signer.public])

    assert {fault.what for fault in faults} == {"RECORD_CHANGED"}


@pytest.mark.parametrize("text", ["{", "[]", '{"records": [{}]}', '{"checkpoints": [{"number": 1}]}'])
def test_an_export_that_cannot_be_read_is_neither_good_nor_bad(tmp_path: Path, text: str) -> None:
    file = tmp_path / "export.jsonl"
    file.write_text(text)

    assert main([str(file), "--public-key", OneKey().public]) == 2


def test_u02_what_cannot_be_audited_is_not_done() -> None:
    api = make_api()
    api.token("ada")
    before = api.snapshot()
    store = api.store
    commit = store.commit

    def without_audit(*changes: Any) -> None:
        if any(isinstance(change.record, AuditRecord) for change in changes):
            raise Unavailable("The table does not answer.")
        commit(*changes)

    store.commit = without_audit  # type: ignore[method-assign]
    answers = [
        api.call("POST", "/api/v1/clusters/QA/nodes/enrol-tokens", {}, user="ada"),
        api.call("POST", "/api/v1/signing-keys", {"publicKey": OneKey().public, "owner": "ci"}, user="ada"),
    ]

    assert {answer.status for answer in answers} == {503}
    assert api.snapshot() == before


def test_records_of_a_day_are_filtered(tmp_path: Path) -> None:
    api = make_api()
    exported(api, tmp_path)
    api.call("POST", "/api/v1/signing-keys", {"publicKey": OneKey().public, "owner": "ci"}, user="vic")

    def found(query: str) -> list[dict[str, Any]]:
        return list(api.ok("ada", "GET", f"/api/v1/audit?day=2026-09-21&limit=100&{query}")["records"])

    assert {each["actor"] for each in found("actor=dana")} == {"dana"}
    assert {each["action"] for each in found("action=CancelRequested")} == {"CancelRequested"}
    refused = found("outcome=refused")
    assert [(each["actor"], each["action"], each["detail"]["reason"]) for each in refused] == [
        ("vic", "addSigningKey", "not-allowed")
    ]
    assert api.call("GET", "/api/v1/audit?subject=a&actor=dana", user="ada").status == 400


def test_a_checkpoint_is_verified_over_http(tmp_path: Path) -> None:
    # The fake edge believes fake signatures only, so what Ed25519 signed is forged to it: the answer says so.
    keys = FakeAuditKeys()
    api = make_api(audit_keys=keys)
    _, signer = exported(api, tmp_path)
    keys.held = signer.public_keys()
    good = api.ok("ada", "GET", "/api/v1/audit/checkpoints/verify")
    object.__setattr__(api.edge, "ports", dataclasses.replace(api.ports, signatures=Ed25519Signatures()))
    better = api.ok("ada", "GET", "/api/v1/audit/checkpoints/verify")

    assert [fault["what"] for fault in good["faults"]] == ["CHECKPOINT_FORGED"]
    assert (better["isWhole"], better["faults"], better["nextAfter"]) == (True, [], 1)
    assert better["keys"] == [{"keyId": "ed25519:test", "publicKey": signer.public}]


def test_u01_checkpoints_written_anew_under_another_key_show_in_both_calls(audit: Audit) -> None:
    """Whoever may write all of the table signs everything with a key of their own, rightly, and puts it in."""
    mallory = OneKey()
    for number in range(1, 5):
        for head in heads(audit, number):
            audit.store.commit(Remove(head))
        audit.store.commit(Remove(checkpoint(audit, number)))
    audit.rewrite([replace(each, actor="nobody") for each in audit.chain()], rehash=True)
    audit.clock.advance(seconds=60)
    assert seal_audit(signer=mallory, ports=audit.ports) is not None

    assert verify_checkpoints(after=0, limit=100, keys=mallory, ports=audit.ports).faults == ()
    chain = verify_chain("policy:Production", keys=audit.signer, ports=audit.ports)
    assert [fault.what for fault in chain.faults] == ["CHECKPOINT_FORGED"]
    check = verify_checkpoints(after=0, limit=100, keys=audit.signer, ports=audit.ports)
    assert [fault.what for fault in check.faults] == ["CHECKPOINT_FORGED"]
    assert check.keys == audit.signer.public_keys()
