"""Children of a kernel that was killed: which they were, and their end.

Where the system can, a child dies with its kernel by itself. This is for where it cannot, and for what children started.
"""

import json
import os
import shutil
import tempfile
from pathlib import Path

import psutil

from kernel.logs import log
from kernel.state import replace_file

# sun_path holds 104 bytes on macOS and 108 on Linux, the end mark included.
MAX_SOCKET_PATH = 100


class ChildRecords:
    """The file of one node that names its children and the folder of their sockets.

    Making one first ends whatever an earlier kernel of this node left running.
    """

    def __init__(self, folder: Path) -> None:
        end_orphans(folder)
        self._path = folder / "children.json"
        self._started: dict[int, float] = {}
        self.sockets = _short_folder()
        self._number = 0
        self._keep()  # so that the folder is found and removed even when no child was ever started

    def next_socket(self) -> Path:
        """A path for a socket that was never used before."""
        self._number += 1
        return self.sockets / f"{self._number}.s"

    def started(self, pid: int) -> None:
        """Remember a child."""
        try:
            self._started[pid] = psutil.Process(pid).create_time()
        except psutil.Error:
            return  # already gone
        self._keep()

    def ended(self, pid: int) -> None:
        """Forget a child."""
        if self._started.pop(pid, None) is not None:
            self._keep()

    def close(self) -> None:
        """All children have ended."""
        shutil.rmtree(self.sockets, ignore_errors=True)
        self._path.unlink(missing_ok=True)

    def _keep(self) -> None:
        children = [{"pid": pid, "startedAt": at} for pid, at in self._started.items()]
        try:
            replace_file(self._path, json.dumps({"sockets": str(self.sockets), "children": children}).encode())
        except OSError as error:
            log("children_not_recorded", error=str(error))


def end_orphans(folder: Path) -> int:
    """End what an earlier kernel of this node left running, and say how many processes that were.

    A process is one of them when pid and start time are those recorded, or when it stands in such a process's group and
    was told a socket in the recorded folder. A pid that was given to somebody else since is left alone.
    """
    try:
        record = json.loads((folder / "children.json").read_bytes())
    except (FileNotFoundError, ValueError):
        return 0
    sockets, children = Path(record["sockets"]), {child["pid"]: child["startedAt"] for child in record["children"]}
    ended = 0
    for process in psutil.process_iter():
        try:
            if _is_orphan(process, children, sockets):
                process.kill()
                ended += 1
        except (psutil.Error, OSError):
            continue
    if sockets.name.startswith("hs-"):
        shutil.rmtree(sockets, ignore_errors=True)
    (folder / "children.json").unlink(missing_ok=True)
    if ended:
        log("orphans_ended", folder=str(folder), processes=ended)
    return ended


def _is_orphan(process: psutil.Process, children: dict[int, float], sockets: Path) -> bool:
    # Start times are derived from the wall clock, which may have been corrected a little since.
    if process.pid in children and abs(process.create_time() - children[process.pid]) < 2.0:
        return True
    if os.getpgid(process.pid) not in children:
        return False
    return process.environ().get("HOTSWAP_SOCKET", "").startswith(f"{sockets}/")


def _short_folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="hs-"))
    if len(str(folder)) + 10 <= MAX_SOCKET_PATH:
        return folder
    folder.rmdir()
    return Path(tempfile.mkdtemp(prefix="hs-", dir="/tmp"))  # its name is sure to be short
