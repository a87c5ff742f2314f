"""What every Store promises of its indexes, on the fake and on DynamoDB."""

from __future__ import annotations

import zlib
from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.adapters.dynamodb.table import DynamoStore
from chalicelib.domain.approval import Approval, ApprovalStatus
from chalicelib.domain.deployment import Deployment, Failure, ListedDeployment, Status
from chalicelib.domain.errors import InvalidInput
from chalicelib.domain.identity import User
from chalicelib.domain.module import ModuleVersion
from chalicelib.domain.timeline import AuditRecord, OutboxMessage
from chalicelib.usecases.ports import Add, Remove, Replace, Store
from tests.builders import NOW_MS, a_deployment, a_message, a_user, a_version, an_approval, an_audit_record
from tests.fakes import FakeStore

IDS = [f"01J{number:023d}" for number in range(9)]


@pytest.fixture(params=["fake", "dynamodb"])
def store(request: pytest.FixtureRequest) -> Store:
    if request.param == "fake":
        return FakeStore()
    return DynamoStore(request.getfixturevalue("dynamodb"), "hotswap")


@pytest.fixture
def nine(store: Store) -> Store:
    """Nine deployments; the later ones changed earlier."""
    store.commit(*(Add(a_deployment(id=name, updated_at_ms=NOW_MS - i)) for i, name in enumerate(IDS)))
    return store


def test_all_deployments_are_paged_newest_first_without_gap_or_double(nine: Store):
    seen: list[str] = []
    cursor = None
    for _ in range(5):
        page = nine.page(Deployment, "lists", "DEPLOYMENTS", limit=2, cursor=cursor, newest_first=True)
        seen += [deployment.id for deployment in page.records]
        cursor = page.cursor

    assert seen == IDS[::-1]
    assert cursor is None


def test_a_page_that_ends_with_the_list_has_no_cursor(nine: Store):
    page = nine.page(Deployment, "lists", "DEPLOYMENTS", limit=9)

    assert [deployment.id for deployment in page.records] == IDS
    assert page.cursor is None


def test_an_empty_list_is_an_empty_page(store: Store):
    page = store.page(Deployment, "lists", "DEPLOYMENTS", limit=9)

    assert (page.records, page.cursor) == ((), None)


def test_a_record_added_between_two_pages_moves_nothing(nine: Store):
    first = nine.page(Deployment, "lists", "DEPLOYMENTS", limit=4, newest_first=True)

    nine.commit(Add(a_deployment(id="01K00000000000000000000000")))

    second = nine.page(Deployment, "lists", "DEPLOYMENTS", limit=9, cursor=first.cursor, newest_first=True)
    assert [deployment.id for deployment in second.records] == IDS[4::-1]


def test_deployments_are_found_by_module_as_they_are_now(nine: Store):
    other = a_deployment(id="01K00000000000000000000000", module="ledger")
    nine.commit(Add(other))
    nine.commit(Replace(a_deployment(id=other.id, module="ledger", status=Status.RUNNING, revision=1)))

    page = nine.page(Deployment, "lists", "DEPLOYMENTS#ledger", limit=5, newest_first=True)

    assert [(deployment.id, deployment.status) for deployment in page.records] == [(other.id, Status.RUNNING)]


def test_pages_of_one_module_go_on_where_they_ended(nine: Store):
    first = nine.page(Deployment, "lists", "DEPLOYMENTS#payment-processor", limit=8)
    second = nine.page(Deployment, "lists", "DEPLOYMENTS#payment-processor", limit=8, cursor=first.cursor)

    assert [deployment.id for deployment in (*first.records, *second.records)] == IDS


def test_each_module_is_listed_once_with_the_version_registered_last(store: Store):
    store.commit(Add(a_version(version="1.0.0")))
    store.commit(Add(a_version(version="2.0.0")))
    store.commit(Add(a_version(module="ledger", version="0.1.0")))

    page = store.page(ModuleVersion, "lists", "MODULES", limit=10)

    assert [(found.module, found.version) for found in page.records] == [
        ("ledger", "0.1.0"),
        ("payment-processor", "2.0.0"),
    ]


def test_users_are_listed_by_name(store: Store):
    store.commit(Add(a_user(username="dana")), Add(a_user(username="ada")))

    page = store.page(User, "lists", "USERS", limit=10)

    assert [user.username for user in page.records] == ["ada", "dana"]


def test_audit_records_are_listed_by_day_in_the_order_of_time(store: Store):
    day = NOW_MS // 86_400_000 * 86_400_000
    instants = [day + 5, day, day + 86_399_999, day + 86_400_000]
    store.commit(*(Add(an_audit_record(seq=seq, at_ms=at)) for seq, at in enumerate(instants)))

    page = store.page(AuditRecord, "lists", "AUDIT#2026-09-21", limit=10)

    assert [record.seq for record in page.records] == [1, 0, 2]


def test_a_deployment_leaves_the_open_ones_with_its_end(nine: Store):
    nine.commit(Replace(a_deployment(id=IDS[0], status=Status.CANCELLED, revision=1)))

    page = nine.page(Deployment, "open", "DEPLOYMENTS", limit=20)

    assert [deployment.id for deployment in page.records] == IDS[:0:-1]


def test_only_what_is_due_is_given_the_instant_itself_included(nine: Store):
    page = nine.page(Deployment, "open", "DEPLOYMENTS", limit=20, upto=f"{NOW_MS - 7:013d}")

    assert [deployment.id for deployment in page.records] == [IDS[8], IDS[7]]


def test_what_is_due_is_paged_too(nine: Store):
    due = f"{NOW_MS - 6:013d}"

    first = nine.page(Deployment, "open", "DEPLOYMENTS", limit=2, upto=due)
    second = nine.page(Deployment, "open", "DEPLOYMENTS", limit=2, upto=due, cursor=first.cursor)

    assert [deployment.id for deployment in (*first.records, *second.records)] == [IDS[8], IDS[7], IDS[6]]
    assert second.cursor is None


def test_the_outbox_holds_what_is_untold_oldest_first(store: Store):
    late, early = a_message(id="late", created_at_ms=NOW_MS + 1), a_message(id="early")
    told = a_message(id="told")
    store.commit(Add(late), Add(early), Add(told))
    store.commit(Remove(told))

    page = store.page(OutboxMessage, "open", "OUTBOX", limit=10)

    assert page.records == (early, late)


def test_decided_approvals_are_not_open(store: Store):
    store.commit(Add(an_approval(id="a")), Add(an_approval(id="b")))
    store.commit(Replace(an_approval(id="a", status=ApprovalStatus.APPROVED, revision=1)))

    page = store.page(Approval, "open", "APPROVALS", limit=10)

    assert [approval.id for approval in page.records] == ["b"]


DAYS = count(1)
SHARDS = st.one_of(st.just([0]), st.just([0, 1, 2, 3]), st.lists(st.integers(0, 3), min_size=1, max_size=4))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    instants=st.lists(st.integers(0, 99), max_size=40),
    shards=SHARDS,
    limit=st.integers(1, 12),
    newest_first=st.booleans(),
    upto=st.one_of(st.none(), st.integers(0, 99)),
)
def test_pages_are_the_list_cut_up_however_its_entries_fall_into_shards(
    store: Store, instants: list[int], shards: list[int], limit: int, newest_first: bool, upto: int | None
):
    day = next(DAYS) * 86_400_000
    records = [
        an_audit_record(subject=_in_shard(shards[number % len(shards)], number), seq=1, at_ms=day + at)
        for number, at in enumerate(instants)
    ]
    store.add_many(records)
    until = None if upto is None else f"{day + upto:013d}"
    partition = f"AUDIT#{_day(day)}"

    pages: list[tuple[Any, ...]] = []
    cursor = None
    while cursor is not None or not pages:
        page = store.page(
            AuditRecord, "lists", partition, limit=limit, cursor=cursor, newest_first=newest_first, upto=until
        )
        pages.append(page.records)
        cursor = page.cursor

    within = [record for record in records if upto is None or record.at_ms <= day + upto]
    expected = sorted(within, key=lambda record: (record.at_ms, record.subject), reverse=newest_first)
    assert [record for page in pages for record in page] == expected
    assert all(len(page) == limit for page in pages[:-1])
    assert len(pages) == max(1, -(-len(expected) // limit))


def _in_shard(shard: int, number: int) -> str:
    """A subject whose first record lies there."""
    tries = (f"{number:03d}-{attempt}" for attempt in count())
    return next(subject for subject in tries if zlib.crc32(f"{subject}#00000001".encode()) % 4 == shard)


def _day(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms // 1000, UTC).date().isoformat()


@pytest.mark.parametrize("partition", ["DEPLOYMENTS", "DEPLOYMENTS#payment-processor"])
def test_what_a_list_says_of_a_deployment_is_what_the_deployment_says(store: Store, partition: str):
    failure = Failure(code="E", message="because")
    whole = [
        a_deployment(id=IDS[0], status=Status.FAILED, failure=failure, ended_at_ms=NOW_MS, description="not in a list"),
        a_deployment(id=IDS[1], metadata={"ticket": "1"}),
    ]
    store.commit(*map(Add, whole))

    first = store.page(ListedDeployment, "lists", partition, limit=1)
    second = store.page(Deployment, "lists", partition, limit=1, cursor=first.cursor)

    names = ListedDeployment.__dataclass_fields__
    assert first.records == (ListedDeployment(**{name: getattr(whole[0], name) for name in names}),)
    assert second.records == (whole[1],)


def test_a_page_of_four_shards_reads_about_twice_what_it_shows(dynamodb: Any):
    watched = Watched(dynamodb)
    store = DynamoStore(watched, "hotswap")
    store.add_many([a_deployment(id=f"01J{number:023d}") for number in range(120)])

    page = store.page(ListedDeployment, "lists", "DEPLOYMENTS", limit=20, newest_first=True)

    assert [each.id for each in page.records] == [f"01J{number:023d}" for number in range(119, 99, -1)]
    assert watched.calls <= 5
    assert len(watched.items) <= 48


@pytest.mark.parametrize("newest_first", [True, False])
def test_a_list_reads_no_more_than_it_gives(dynamodb: Any, newest_first: bool):
    watched = Watched(dynamodb)
    store = DynamoStore(watched, "hotswap")
    store.add_many([an_audit_record(subject="s", seq=seq) for seq in range(1, 9)])

    last = store.list(AuditRecord, "s", newest_first=newest_first, limit=1)
    further = store.list(AuditRecord, "s", after="00000004", newest_first=newest_first, limit=2)

    assert [record.seq for record in (*last, *further)] == ([8, 3, 2] if newest_first else [1, 5, 6])
    assert (watched.calls, len(watched.items)) == (2, 1 + 3)


class Watched:
    """The table's client, and what its queries brought."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.calls = 0
        self.items: list[dict[str, Any]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def query(self, **request: Any) -> Any:
        answer = self._client.query(**request)
        self.calls += 1
        self.items += answer["Items"]
        return answer


@pytest.mark.parametrize("cursor", ["", "x", "ä", "====", "AAAA", "A" * 5000])
def test_a_cursor_nobody_gave_is_refused(nine: Store, cursor: str):
    with pytest.raises(InvalidInput) as caught:
        nine.page(Deployment, "lists", "DEPLOYMENTS", limit=2, cursor=cursor)

    assert [violation.field for violation in caught.value.violations] == ["cursor"]


def test_a_cursor_of_another_list_is_refused(nine: Store):
    cursor = nine.page(Deployment, "lists", "DEPLOYMENTS", limit=2).cursor

    for index, partition, newest_first in [
        ("open", "DEPLOYMENTS", False),
        ("lists", "DEPLOYMENTS#payment-processor", False),
        ("lists", "DEPLOYMENTS", True),
    ]:
        with pytest.raises(InvalidInput):
            nine.page(Deployment, index, partition, limit=2, cursor=cursor, newest_first=newest_first)


def test_a_changed_cursor_is_refused(nine: Store):
    cursor = nine.page(Deployment, "lists", "DEPLOYMENTS", limit=2).cursor
    assert cursor is not None

    with pytest.raises(InvalidInput):
        nine.page(Deployment, "lists", "DEPLOYMENTS", limit=2, cursor="B" + cursor[1:])


@pytest.mark.parametrize(("index", "partition"), [("open", "deployments"), ("lists", "OUTBOX"), ("open", "USERS")])
def test_a_list_there_is_not_is_a_mistake_and_no_empty_page(nine: Store, index: str, partition: str):
    with pytest.raises(ValueError):
        nine.page(Deployment, index, partition, limit=2)
