"""The kernel on a machine whose clock is wrong: `python -m tests.e2e.skewed_kernel SECONDS <what the kernel takes>`."""

from __future__ import annotations

import sys
import time

from kernel.__main__ import main


def be_off_by(seconds: float) -> None:
    """Every later look at the wall clock of this process is off; durations are right."""
    real, real_ns = time.time, time.time_ns
    time.time = lambda: real() + seconds
    time.time_ns = lambda: real_ns() + int(seconds * 1_000_000_000)


if __name__ == "__main__":
    be_off_by(float(sys.argv.pop(1)))
    sys.exit(main())
