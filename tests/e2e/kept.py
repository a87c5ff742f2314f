"""What is kept of a system when its test failed: logs, the audit, every timeline. No password, no key."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from infra.local.api_client import ApiError
from tests.e2e.client import DEPLOYMENTS, TestClient

FOLDER = Path(__file__).parents[2] / ".hotswap" / "e2e"


def keep(test: str, folder: Path, client: TestClient | None, *, into: Path = FOLDER) -> Path:
    """Copy what tells what happened into a folder named after the test, and return the folder.

    What cannot be had any more (the API may be what failed) is named in `missing.txt`.
    """
    kept = into / re.sub(r"[^A-Za-z0-9_.-]+", "-", test)[-120:]
    shutil.rmtree(kept, ignore_errors=True)
    kept.mkdir(parents=True)
    for log in [*folder.glob("*.log"), *folder.glob("state/*.log"), *folder.glob("nodes/*.log")]:
        shutil.copy(log, kept / log.name)
    missing = []
    for name, ask in (_questions(client) if client is not None else {}).items():
        try:
            (kept / name).write_text(json.dumps(ask(), indent=1))
        except (OSError, ApiError) as error:
            missing.append(f"{name}: {error}")
    if missing:
        (kept / "missing.txt").write_text("\n".join(missing))
    return kept


def _today() -> str:
    return f"{datetime.now(UTC):%Y-%m-%d}"


def _questions(client: TestClient) -> Mapping[str, Callable[[], Any]]:
    def timelines() -> Any:
        listed = client.viewer.get(f"{DEPLOYMENTS}?limit=100")["deployments"]
        return {each["executionId"]: [each, client.events(each["executionId"])] for each in listed}

    return {
        "timelines.json": timelines,
        "audit.json": lambda: client.admin.get(f"/api/v1/audit?day={_today()}&limit=100"),
        "clusters.json": lambda: [client.cluster(each) for each in ("Development", "QA", "Staging", "Production")],
    }
