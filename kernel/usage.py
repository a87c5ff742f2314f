"""CPU time and memory of child processes and everything they started."""

import time
from collections.abc import Iterable
from dataclasses import dataclass

import psutil

_TABLE_AGE_S = 0.5


@dataclass(frozen=True, slots=True)
class Usage:
    """What a tree of processes has used since it was started, and what it holds now."""

    cpu_s: float
    memory_bytes: int


class ProcessTable:
    """Reads usage of process trees; one per kernel process.

    Finding the descendants of a child means reading every process of the machine. That is done at most twice a second
    for all children of all nodes together, not once per child.
    """

    def __init__(self) -> None:
        self._children: dict[int, list[psutil.Process]] = {}
        self._read_at = float("-inf")

    def read(self, roots: Iterable[int]) -> dict[int, Usage]:
        """Usage per root pid; a root that is gone is left out. Blocks for some milliseconds."""
        if time.monotonic() - self._read_at > _TABLE_AGE_S:
            self._refresh()
        found = {}
        for pid in roots:
            try:
                found[pid] = self._tree(psutil.Process(pid))
            except psutil.Error:
                continue
        return found

    def _refresh(self) -> None:
        children: dict[int, list[psutil.Process]] = {}
        for process in psutil.process_iter():
            try:
                children.setdefault(process.ppid(), []).append(process)
            except psutil.Error:
                continue
        self._children, self._read_at = children, time.monotonic()

    def _tree(self, root: psutil.Process) -> Usage:
        usage = _of_one(root)
        cpu_s, memory_bytes = usage.cpu_s, usage.memory_bytes
        waiting, seen = [root.pid], {root.pid}
        while waiting:
            for child in self._children.get(waiting.pop(), ()):
                if child.pid in seen:
                    continue
                seen.add(child.pid)
                waiting.append(child.pid)
                try:
                    usage = _of_one(child)
                except psutil.Error:
                    continue
                cpu_s, memory_bytes = cpu_s + usage.cpu_s, memory_bytes + usage.memory_bytes
        return Usage(cpu_s, memory_bytes)


def _of_one(process: psutil.Process) -> Usage:
    with process.oneshot():
        times = process.cpu_times()
        # children_*: descendants that ended and were waited for; the living ones are added by themselves.
        ended = getattr(times, "children_user", 0.0) + getattr(times, "children_system", 0.0)
        return Usage(times.user + times.system + ended, process.memory_info().rss)
