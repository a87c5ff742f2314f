"""Every order in which several people's table calls can fall between each other.

Each actor runs in a thread of its own and stops before every call to the table or the state machine; the scheduler lets
exactly one go on at a time. Orders that differ only in calls that touch different records, or only read, are the same
order, and one of them is played: a depth-first search with sleep sets. Source: P. Godefroid, Partial-Order Methods for
the Verification of Concurrent Systems, LNCS 1032, chapter 5.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Touched = tuple[str, ...]
Actors = Mapping[str, Callable[[Any], object]]
GIVE_UP_S = 30


@dataclass(frozen=True)
class Op:
    """What one call touches: keys, or beginnings of keys."""

    reads: tuple[Touched, ...] = ()
    writes: tuple[Touched, ...] = ()

    def is_independent_of(self, other: Op) -> bool:
        """Whether the two calls may change places and nobody can tell."""
        clashes = (
            *((a, b) for a in self.writes for b in (*other.reads, *other.writes)),
            *((a, b) for a in self.reads for b in other.writes),
        )
        return not any(a[: len(b)] == b[: len(a)] for a, b in clashes)


class Actor:
    """One thread that goes on only when it is let."""

    def __init__(self, arrived: threading.Semaphore) -> None:
        self._arrived = arrived
        self._go = threading.Semaphore(0)
        self.next: Op | None = None
        self.error: Exception | None = None

    def start(self, do: Callable[[], object]) -> None:
        def run() -> None:
            try:
                do()
            except Exception as error:  # noqa: BLE001 (what an actor is told is the test's to judge)
                self.error = error
            self.next = None
            self._arrived.release()

        threading.Thread(target=run, daemon=True).start()
        self._wait()

    def before(self, op: Op) -> None:
        """Called in the actor's thread: stop here until it is its turn."""
        self.next = op
        self._arrived.release()
        self._go.acquire()

    def step(self) -> None:
        """Let it make its call and come to the next one, or to its end."""
        self._go.release()
        self._wait()

    def _wait(self) -> None:
        assert self._arrived.acquire(timeout=GIVE_UP_S), "an actor neither called nor ended"


class GatedStore:
    """A store whose every call waits for its turn."""

    def __init__(self, store: Any, actor: Actor) -> None:
        self._store = store
        self._actor = actor

    def get(self, kind: type[Any], *key: str) -> Any:
        self._actor.before(Op(reads=((kind.__name__, *key),)))
        return self._store.get(kind, *key)

    def get_many(self, *wanted: Any) -> Any:
        self._actor.before(Op(reads=tuple((kind.__name__, *key) for kind, key in wanted)))
        return self._store.get_many(*wanted)

    def list(self, kind: type[Any], *prefix: str, **named: Any) -> Any:
        self._actor.before(Op(reads=((kind.__name__, *prefix),)))
        return self._store.list(kind, *prefix, **named)

    def page(self, kind: type[Any], *where: str, **named: Any) -> Any:
        self._actor.before(Op(reads=((kind.__name__,),)))
        return self._store.page(kind, *where, **named)

    def commit(self, *changes: Any) -> None:
        self._actor.before(Op(writes=tuple((type(c.record).__name__, *c.record.key) for c in changes)))
        self._store.commit(*changes)

    def add_many(self, records: Sequence[Any]) -> None:
        self._actor.before(Op(writes=tuple((type(r).__name__, *r.key) for r in records)))
        self._store.add_many(records)


class GatedExecutions:
    """The state machine, whose every answer waits for its turn."""

    def __init__(self, executions: Any, actor: Actor) -> None:
        self._executions = executions
        self._actor = actor

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._executions, name)

        def gated(*arguments: Any, **named: Any) -> Any:
            self._actor.before(Op(writes=(("execution",),)))
            return call(*arguments, **named)

        return gated


@dataclass
class Node:
    """A point of the search: what each actor would do next, who need not be tried, who was, and who is now."""

    ops: dict[str, Op]
    asleep: frozenset[str]
    tried: list[str] = field(default_factory=list)

    @property
    def now(self) -> str:
        return self.tried[-1]

    def untried(self) -> str | None:
        return next((name for name in self.ops if name not in self.asleep and name not in self.tried), None)

    def asleep_after(self) -> frozenset[str]:
        """Whom the next point need not try: what they would do commutes with what is done now."""
        quiet = (*self.asleep, *self.tried[:-1])
        return frozenset(n for n in quiet if n in self.ops and self.ops[n].is_independent_of(self.ops[self.now]))


@dataclass(frozen=True)
class Played:
    """One order, played to its end: the world, and what each actor was told (None: it went through)."""

    world: Any
    told: dict[str, Exception | None]
    order: tuple[str, ...]


def every_order(
    make_world: Callable[[], Any], actors: Callable[[Any, Mapping[str, Actor]], Actors]
) -> Iterator[Played]:
    """Play the actors in every order that can make a difference, each in a world of its own."""
    path: list[Node] = []
    while True:
        played = _play(make_world, actors, path)
        if played is not None:
            yield played
        while path and path[-1].untried() is None:
            path.pop()
        if not path:
            return
        following = path[-1].untried()
        assert following is not None
        path[-1].tried.append(following)


def _play(
    make_world: Callable[[], Any], actors: Callable[[Any, Mapping[str, Actor]], Actors], path: list[Node]
) -> Played | None:
    """One order: along `path`, then on; None where every way on was played already in another order."""
    world, arrived = make_world(), threading.Semaphore(0)
    running: dict[str, Actor] = {}
    todo = actors(world, _Made(running, arrived))
    for name, do in todo.items():
        running[name].start(lambda do=do: do(world))  # type: ignore[misc]
    order: list[str] = []
    is_new = True
    while waiting := {name: op for name in todo if (op := running[name].next) is not None}:
        depth = len(order)
        if depth == len(path) and is_new:
            asleep = path[-1].asleep_after() if path else frozenset()
            node = Node(waiting, asleep)
            first = node.untried()
            is_new = first is not None
            if first is not None:
                node.tried.append(first)
                path.append(node)
        name = path[depth].now if depth < len(path) else next(iter(waiting))
        running[name].step()
        order.append(name)
    told = {name: running[name].error for name in todo}
    return Played(world, told, tuple(order)) if is_new else None


class _Made(dict[str, Actor]):
    """Actors by name, made when they are first asked for."""

    def __init__(self, running: dict[str, Actor], arrived: threading.Semaphore) -> None:
        super().__init__()
        self._running = running
        self._arrived = arrived

    def __missing__(self, name: str) -> Actor:
        return self._running.setdefault(name, Actor(self._arrived))
