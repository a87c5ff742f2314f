"""Becomes the module's command, after asking that it dies with the kernel. Run as a script, standard library only.

A script of its own and not a function between fork and exec: the kernel has threads, and Python code that runs in a
forked child may wait for a lock one of them held.
"""

import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """argv: pid of the kernel, then the command."""
    kernel, command = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != kernel:
        sys.exit(0)  # the kernel died before it could be asked to take us along
    try:
        os.execvp(command[0], command)  # noqa: S606  the command is the module's; there is no shell
    except OSError as error:
        sys.exit(f"{command[0]}: {error.strerror}")


if __name__ == "__main__":
    main()
