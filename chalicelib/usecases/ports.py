"""What the use cases need of the world. Adapters give it; `wiring.py` joins the two.

Records are the domain's frozen dataclasses with a `key` (identity) and a `revision`. Every write is conditional:
`Add` demands that nothing with that key exists, `Replace` that the stored revision is one less than the record's,
`Remove` that it exists. `commit` applies all of its changes or none.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from chalicelib.domain.analysis.evidence import DeclaredSeries, Evidence, Source
from chalicelib.domain.analysis.policy import AnalysisPolicy, DeclaredMetric
from chalicelib.domain.errors import Unavailable
from chalicelib.domain.metering import OpenStep
from chalicelib.domain.metrics import Window
from chalicelib.domain.telemetry import Measurement


class Record(Protocol):
    """What a store keeps."""

    @property
    def key(self) -> tuple[str, ...]: ...

    @property
    def revision(self) -> int: ...


R = TypeVar("R", bound=Record)


@dataclass(frozen=True, slots=True)
class Add:
    """Write a record nobody has written before."""

    record: Record


@dataclass(frozen=True, slots=True)
class Replace:
    """Write the next revision of a record over the one before it."""

    record: Record


@dataclass(frozen=True, slots=True)
class Remove:
    """Delete a record that exists."""

    record: Record


Change = Add | Replace | Remove


Address = tuple[type[Any], tuple[str, ...]]
"""A type of record and the key of one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some records of a list and the cursor to go on with, None at the end."""

    records: tuple[Any, ...]
    cursor: str | None = None


class Store(Protocol):
    """The one table."""

    def get(self, kind: type[R], *key: str) -> R | None:
        """One record, read consistently."""
        ...

    def get_many(self, *wanted: Address) -> tuple[Any, ...]:
        """Records with one call for each hundred, None where there is none; each read consistently, together no snapshot."""
        ...

    def list(
        self,
        kind: type[R],
        *prefix: str,
        after: str | None = None,
        limit: int | None = None,
        newest_first: bool = False,
    ) -> tuple[R, ...]:
        """Records whose key begins with `prefix` (at least the partition's part), in key order, read consistently.

        `after` is the last part of a key: only records behind it are returned.
        """
        ...

    def page(
        self,
        kind: type[R],
        index: str,
        partition: str,
        *,
        limit: int,
        cursor: str | None = None,
        newest_first: bool = False,
        upto: str | None = None,
    ) -> Page:
        """One page of an index (`lists` or `open`, see adapters/dynamodb/keys.py); may lag behind.

        `upto`: only entries whose index sort key is at most this (what is due).

        Raises:
            InvalidInput: the cursor is not one this method gave for this list.
        """
        ...

    def commit(self, *changes: Change) -> None:
        """All changes, or none.

        Raises:
            StaleWrite: a condition failed; names the first record whose condition did.
        """
        ...

    def add_many(self, records: Sequence[Record]) -> None:
        """Records whose keys are derived, so that writing them again changes nothing; not one transaction."""
        ...


SERIES_STEP_MS = 10_000
"""Windows of the series add up to this long, where nobody asks for finer ones."""


class Metrics(Protocol):
    """The series of what nodes measured. What is not over yet stands in each node's row (domain/metering.py)."""

    def keep(self, *, environment: str, node_id: str, step: OpenStep) -> None:
        """Keep a step that is over. Keeping it again changes nothing; a smaller sum never replaces a bigger one."""
        ...

    def series(
        self, *, environment: str, module: str, nodes: Collection[str], from_ms: int, to_ms: int
    ) -> tuple[tuple[str, str, Window], ...]:
        """(node id, digest, window of one step) of these nodes (ids), oldest first, whose start lies in [from, to)."""
        ...


class Clock(Protocol):
    """Both kinds of time, in milliseconds since the epoch."""

    def machine_ms(self) -> int:
        """Work, silence, tokens."""
        ...

    def policy_ms(self) -> int:
        """Bakes, pauses, approvals, freezes, retention; the same as machine time in AWS."""
        ...


class Executions(Protocol):
    """The state machine."""

    def start(self, name: str, deployment_id: str, correlation_id: str) -> None:
        """Start the execution `name` with both ids as its input; one that was started before is left as it is."""
        ...

    def is_running(self, name: str) -> bool:
        """Whether an execution of that name exists and has not ended."""
        ...

    def is_waiting(self, token: str) -> bool:
        """Whether a task still waits with this token; False when that wait is over, or never was."""
        ...

    def answer(self, token: str, output: Mapping[str, Any]) -> bool:
        """Wake the task that waits with this token; False when that wait is over (late, answered, unknown)."""
        ...

    def refuse(self, token: str, *, error: str, cause: str) -> bool:
        """Fail the task that waits with this token with a named error; False when that wait is over."""
        ...


class Artifacts(Protocol):
    """The bytes of module versions, addressed by digest."""

    def upload_link(self, digest: str, *, size: int) -> str:
        """A short-lived URL that takes one PUT (application/octet-stream) of exactly these bytes."""
        ...

    def download_link(self, digest: str) -> str:
        """A short-lived URL to GET the bytes from."""
        ...

    def read(self, digest: str, *, limit: int) -> bytes | None:
        """The bytes, None when nothing was uploaded; at most `limit` + 1 of them."""
        ...


class Bus(Protocol):
    """Events to the outside world."""

    def publish(self, messages: Sequence[Mapping[str, Any]]) -> None:
        """Put events (`detailType`, `detail`, `id`) on the bus, at least once.

        Raises:
            Unavailable: some were not taken; publish them again.
        """
        ...


class Calls(Protocol):
    """Calls to users' own addresses; made by a function that has the way out and no table."""

    def order(self, call: Mapping[str, Any]) -> None:
        """Have a call made soon, at least once; its result comes back as an event.

        Raises:
            Unavailable: the order was not taken; order it again.
        """
        ...


class AliasOrders(Protocol):
    """Orders to the one function that may touch functions' aliases."""

    def order(self, order: Mapping[str, Any]) -> None:
        """Have the aliases of a module brought to what they should be soon, at least once.

        Raises:
            Unavailable: the order was not taken; order it again.
        """
        ...


class DeadLetters(Protocol):
    """Where requests go that came by event and were refused."""

    def put(self, event: Mapping[str, Any], *, reason: Mapping[str, Any]) -> None:
        """Keep the event as it came, and why it was refused.

        Raises:
            Unavailable: it could not be kept; deliver the event again.
        """
        ...


class Telemetry(Protocol):
    """What operators see. It is told after the write that decided, so at most once, and it never fails its caller."""

    def happened(self, event: str, **fields: Any) -> None:
        """One line: a name and its fields."""
        ...

    def measured(self, *measurements: Measurement) -> None:
        """Numbers."""
        ...


class Signatures(Protocol):
    """Checking signatures."""

    def verifies(self, *, public_key: str, signature: str, message: bytes) -> bool:
        """Whether an Ed25519 signature (base64) over `message` is by `public_key` (base64, 32 bytes); False if malformed."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedBy:
    """An Ed25519 signature and the key that made it; both base64."""

    key_id: str
    public_key: str
    signature: str


class CheckpointSigner(Protocol):
    """The key that seals the audit."""

    def sign(self, message: bytes) -> SignedBy:
        """The signature over these bytes.

        Raises:
            Unavailable: the key cannot be had.
        """
        ...


class AuditKeys(Protocol):
    """Which keys may have sealed the audit, as the service knows it from elsewhere than the table."""

    def public_keys(self) -> Mapping[str, str]:
        """Key id -> public key (base64, 32 bytes), the keys that were replaced included.

        Raises:
            Unavailable: they cannot be had.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricSide:
    """One side of a comparison: what ran, on which nodes (names), and when (machine time)."""

    version: str
    nodes: tuple[str, ...]
    from_ms: int
    to_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricQuestion:
    """A declared metric of a module in the wave that is judged; `evidence` is what its nodes reported."""

    metric: DeclaredMetric
    module: str
    environment: str
    canary: MetricSide
    baseline: MetricSide
    policy: AnalysisPolicy
    evidence: Evidence


class QueryRefused(Unavailable):
    """A source answered, but not with samples: the query is wrong, or gives several series where one is needed."""


class MetricSource(Protocol):
    """Where the samples of user-declared metrics come from: heartbeats, a Prometheus server."""

    def samples(self, question: MetricQuestion) -> DeclaredSeries:
        """Both sides. What the source does not know is None, never zero.

        Raises:
            QueryRefused: this metric cannot be had; another one may.
            Unavailable: the source does not answer.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Everything at once, for use cases that touch most of it."""

    store: Store
    metrics: Metrics
    clock: Clock
    executions: Executions
    artifacts: Artifacts
    bus: Bus
    calls: Calls
    aliases: AliasOrders
    signatures: Signatures
    telemetry: Telemetry
    metric_sources: Mapping[Source, MetricSource] = field(default_factory=dict)
    new_id: Callable[[], str]
