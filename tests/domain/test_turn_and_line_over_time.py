"""The turn and the line under every order of asking, giving up, stopping and limiting: nobody is lost, doubled or let in too much."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.environment import Environment
from chalicelib.domain.errors import QueueFull
from chalicelib.domain.line import Line, enter, leave, limited, run_again, stop
from chalicelib.domain.turn import Turn, ask, give_up

NAMES = st.sampled_from(["A", "B", "C", "D", "E", "F"])
LIMIT = 3
TURN_MOVES = st.lists(st.tuples(st.sampled_from(["ask", "front", "give up"]), NAMES), max_size=40)


def moved(turn: Turn, move: str, name: str) -> Turn:
    return give_up(turn, name) if move == "give up" else ask(turn, name, limit=LIMIT, front=move == "front")


@given(moves=TURN_MOVES)
def test_whoever_asked_holds_the_turn_or_waits_once_until_they_give_it_up(moves: list[tuple[str, str]]) -> None:
    turn = Turn(environment=Environment.QA, module="a-b")
    wanting: set[str] = set()

    for move, name in moves:
        before = turn
        try:
            turn = moved(turn, move, name)
        except QueueFull:
            assert len(before.queue) >= LIMIT
            continue
        wanting = wanting - {name} if move == "give up" else wanting | {name}
        places = [*([turn.holder] if turn.holder else []), *turn.queue]
        assert sorted(places) == sorted(wanting)
        assert bool(turn.holder) == bool(wanting), "while somebody waits somebody holds it"


@given(moves=TURN_MOVES)
def test_the_fence_rises_by_one_with_every_grant_and_never_else(moves: list[tuple[str, str]]) -> None:
    turn = Turn(environment=Environment.QA, module="a-b")

    for move, name in moves:
        before = turn
        try:
            turn = moved(turn, move, name)
        except QueueFull:
            continue
        granted = turn.holder is not None and turn.holder != before.holder
        # Who gave it up and is next again gets it anew.
        assert turn.fence - before.fence == granted
        assert turn.revision - before.revision == (turn != before)


@given(moves=TURN_MOVES)
def test_those_who_wait_keep_their_order_whatever_the_others_do(moves: list[tuple[str, str]]) -> None:
    turn = Turn(environment=Environment.QA, module="a-b")

    for move, name in moves:
        before = turn
        try:
            turn = moved(turn, move, name)
        except QueueFull:
            continue
        staying = [each for each in before.queue if each in turn.queue]
        assert [each for each in turn.queue if each in staying] == staying
        new = set(turn.queue) - set(before.queue)
        if new and move == "front":
            assert turn.queue[0] == name
        elif new:
            assert turn.queue[-1] == name


LINE_MOVES = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["enter", "free", "leave"]), NAMES),
        st.tuples(st.sampled_from(["stop", "run"]), st.just("")),
    ),
    max_size=40,
)


def line_moved(line: Line, move: str, name: str) -> Line:
    match move:
        case "enter" | "free":
            return enter(line, name, free=move == "free")
        case "leave":
            return leave(line, name)
        case "stop":
            return stop(line, by="ada", because="x", now_ms=1)
        case _:
            return run_again(line)


@given(limit=st.integers(1, 4), moves=LINE_MOVES)
def test_never_more_than_the_limit_are_in_the_line_besides_rollbacks_and_nobody_waits_for_nothing(
    limit: int, moves: list[tuple[str, str]]
) -> None:
    line = limited(Line(), limit)
    free: set[str] = set()

    for move, name in moves:
        line = line_moved(line, move, name)
        free = free | {name} if move == "free" else free - {name} if move == "leave" else free
        inside = [*line.running, *line.admitted]
        assert len(set(inside) | set(line.waiting)) == len(inside) + len(line.waiting), "nobody stands there twice"
        assert len([each for each in inside if each not in free]) <= limit
        if line.waiting and not line.is_stopped:
            assert len(inside) >= limit


@given(moves=LINE_MOVES)
def test_while_it_is_stopped_only_rollbacks_get_in(moves: list[tuple[str, str]]) -> None:
    line = Line(most_running=2)

    for move, name in moves:
        before, line = line, line_moved(line, move, name)
        if before.is_stopped and move != "run":
            gained = {*line.running, *line.admitted} - {*before.running, *before.admitted}
            assert gained <= ({name} if move == "free" else set())


@given(first=st.integers(0, 4), second=st.one_of(st.none(), st.integers(1, 4)), moves=LINE_MOVES)
def test_another_limit_sends_nobody_out_and_lets_in_whom_it_has_room_for(
    first: int, second: int | None, moves: list[tuple[str, str]]
) -> None:
    line = limited(Line(), first or None)
    for move, name in moves:
        line = line_moved(line, move, name)

    after = limited(line, second)

    assert {*line.admitted} <= {*after.admitted}
    assert second is None or {*line.running} <= {*after.running}
    assert {*after.waiting} <= {*line.waiting}
    if second is None and not line.is_stopped:
        assert after.waiting == ()
