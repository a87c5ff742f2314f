"""The kernel of a node that lies while a file exists: `python -m tests.e2e.lying_kernel FILE <what the kernel takes>`.

It reports more errors than requests, which cannot be.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from kernel import conversation
from kernel.__main__ import main


def lie_while(flag: Path) -> None:
    """Every report made while the file exists holds impossible numbers."""
    honest = conversation.report_json

    def report_json(**told: Any) -> Any:
        report: Any = honest(**told)
        if flag.exists():
            for window in report["windows"]:
                window["errors"] = window["requests"] + 1_000
        return report

    conversation.report_json = report_json  # type: ignore[assignment]


if __name__ == "__main__":
    lie_while(Path(sys.argv.pop(1)))
    sys.exit(main())
