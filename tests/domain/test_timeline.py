"""The audit chain: whatever is changed afterwards shows."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.timeline import AuditRecord, EventType, audit_hash
from tests.builders import a_message, an_audit_record, an_event

OTHER: dict[str, Any] = {
    "subject": "another",
    "seq": 2,
    "at_ms": 1,
    "actor": "mallory",
    "action": "DeploymentEnded",
    "outcome": "refused",
    "detail": {"status": "Completed"},
    "request_id": "r-2",
    "previous_hash": "f" * 64,
}


@pytest.mark.parametrize("name", OTHER)
def test_changing_any_field_changes_the_hash(name: str) -> None:
    changed = replace(an_audit_record(), **{name: OTHER[name]})

    assert audit_hash(changed) != audit_hash(an_audit_record())


def test_every_field_is_covered_but_the_hash_itself_and_the_revision_of_the_row() -> None:
    names = {field.name for field in fields(AuditRecord)}

    assert names - set(OTHER) == {"hash", "revision"}
    assert audit_hash(an_audit_record(hash="0" * 64, revision=7)) == audit_hash(an_audit_record())


DETAILS = st.dictionaries(st.text(max_size=8), st.one_of(st.text(max_size=8), st.integers(), st.booleans()), max_size=4)


@given(one=DETAILS, other=DETAILS)
def test_details_hash_alike_exactly_when_they_say_the_same(one: dict[str, Any], other: dict[str, Any]) -> None:
    said_alike = {key: (type(value), value) for key, value in one.items()} == {
        key: (type(value), value) for key, value in other.items()
    }
    hashes = {audit_hash(an_audit_record(detail=detail)) for detail in (one, other)}

    assert len(hashes) == (1 if said_alike else 2)


def test_the_order_in_which_a_detail_was_written_down_does_not_matter() -> None:
    one, other = {"a": 1, "b": 2}, {"b": 2, "a": 1}

    assert audit_hash(an_audit_record(detail=one)) == audit_hash(an_audit_record(detail=other))


def test_entries_sort_by_their_number_as_text() -> None:
    keys = [an_event(seq=seq).key for seq in (2, 10, 9_999_999)]

    assert keys == sorted(keys)
    assert an_audit_record(seq=10).key[1] == an_event(seq=10).key[1] == "00000010"
    assert a_message(id="m").key == ("m",)


def test_every_kind_of_event_has_a_name_of_its_own() -> None:
    assert len({str(kind) for kind in EventType}) == len(EventType)
