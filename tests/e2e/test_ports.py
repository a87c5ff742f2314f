"""Ports are claimed by one process at a time, given back however it dies, and never taken from who listens already."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from itertools import combinations
from pathlib import Path

import pytest

from tests.e2e.ports import RANGES, NoPortLeft, Ports, is_free

ROOT = Path(__file__).parents[2]
CLAIMER = """
import sys
from pathlib import Path
from tests.e2e.ports import Ports
ports = Ports("chaos", folder=Path(sys.argv[1]))
print(*[ports.claim() for _ in range(20)], flush=True)
sys.stdin.read()
"""


def a_claimer(folder: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", CLAIMER, str(folder)]
    return subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def test_processes_that_claim_at_the_same_time_get_different_ports_and_the_dead_give_theirs_back(tmp_path: Path):
    claimers = [a_claimer(tmp_path) for _ in range(4)]
    claimed = [{int(port) for port in claimer.stdout.readline().split()} for claimer in claimers if claimer.stdout]

    assert [len(each) for each in claimed] == [20] * 4
    assert len(set().union(*claimed)) == 80
    for claimer in claimers:
        os.kill(claimer.pid, signal.SIGKILL)
        claimer.communicate()
    mine = Ports("chaos", folder=tmp_path)
    again = {mine.claim() for _ in range(90)}
    mine.release()
    assert again & set().union(*claimed)


def test_a_port_somebody_listens_on_is_not_free():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()

        port = listener.getsockname()[1]
        assert not is_free(port)
    assert is_free(port)


def test_a_range_that_is_used_up_says_who_holds_it(tmp_path: Path):
    held = Ports("performance", folder=tmp_path)
    while True:
        try:
            held.claim()
        except NoPortLeft:
            break

    with pytest.raises(NoPortLeft, match=f"30200 to 30299 are taken, by processes {os.getpid()}"):
        Ports("performance", folder=tmp_path).claim()
    held.release()
    assert Ports("performance", folder=tmp_path).claim() in RANGES["performance"]


def test_the_ranges_do_not_overlap():
    assert not any(set(one) & set(other) for one, other in combinations(RANGES.values(), 2))
