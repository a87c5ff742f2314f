"""Defects planted in a copy of our own code, one at a time: the chaos tests must find every one.

    python -m tests.chaos.mutants [name ...]

Each is one replacement of text that must occur exactly once, so that a defect which no longer fits says so. A defect is
caught when the explorer, in the copy, reports a violation; which invariant it was is printed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
COPIED = ("chalicelib", "docs", "infra", "kernel", "tests")
MINUTES_EACH = 2.0


@dataclass(frozen=True, kw_only=True)
class Defect:
    """`old` becomes `new` in `file`."""

    name: str
    file: str
    old: str
    new: str


USECASES = "chalicelib/usecases"
DEFECTS: tuple[Defect, ...] = (
    Defect(
        name="write over what somebody else wrote",
        file="tests/fake_store.py",
        old='met = stored is not None and int(stored["revision"]["N"]) == record.revision - 1',
        new="met = stored is not None",
    ),
    Defect(
        name="add what is there already",
        file="tests/fake_store.py",
        old="met = stored is None",
        new="met = True",
    ),
    Defect(
        name="grant without a new fence",
        file="chalicelib/domain/turn.py",
        old="return replace(turn, holder=deployment_id, queue=queue, fence=turn.fence + 1, revision=turn.revision + 1)",
        new="return replace(turn, holder=deployment_id, queue=queue, revision=turn.revision + 1)",
    ),
    Defect(
        name="grant the turn although somebody holds it",
        file="chalicelib/domain/turn.py",
        old="if turn.holder is None and not turn.queue:",
        new="if not turn.queue:",
    ),
    Defect(
        name="keep the turn after the end",
        file=f"{USECASES}/end_deployment.py",
        old="changes.append(Replace(give_up(turn, deployment.id)))",
        new="pass",
    ),
    Defect(
        name="send the token before it is stored",
        file="chalicelib/steps/machine.py",
        old='    wait_for_token(deployment.id, WaitState(name), run=run, token=event["token"], ports=ports)\n',
        new=(
            "    from chalicelib.usecases.recording import wake\n"
            "    from chalicelib.domain.waiting import Wait\n"
            "    import hashlib\n"
            "    from chalicelib.usecases.ports import Add, Replace\n"
            "    wake(deployment, ports=ports)\n"
            "    w = ports.store.get(Wait, deployment.id)\n"
            '    new = Wait(deployment_id=deployment.id, state=WaitState(name), run=run, token=event["token"],\n'
            '        token_hash=hashlib.sha256(event["token"].encode()).hexdigest(),\n'
            "        revision=0 if w is None else w.revision + 1)\n"
            "    ports.store.commit(Add(new) if w is None else Replace(new))\n"
        ),
    ),
    Defect(
        name="mark as answered what was not sent",
        file=f"{USECASES}/recording.py",
        old="        sent = ports.executions.answer(wait.token, output)\n",
        new=(
            "        try:\n            sent = ports.executions.answer(wait.token, output)\n"
            "        except Unavailable:\n            sent = False\n"
        ),
    ),
    Defect(
        name="forget messages before they are told",
        file=f"{USECASES}/relay_outbox.py",
        old="    try:\n        tell(messages, ports=ports)\n    except Unavailable:\n        return 0\n    return forget(messages, ports=ports)",
        new="    done = forget(messages, ports=ports)\n    try:\n        tell(messages, ports=ports)\n    except Unavailable:\n        return 0\n    return done",
    ),
    Defect(
        name="take a failed publication for a good one",
        file=f"{USECASES}/relay_outbox.py",
        old="        except Unavailable as trouble:\n            troubles.append(trouble)\n    for message in messages:",
        new="        except Unavailable:\n            pass\n    for message in messages:",
    ),
    Defect(
        name="publish beside the transaction",
        file=f"{USECASES}/recording.py",
        old="changes += [Add(event), Add(audit), Add(message)]",
        new="changes += [Add(event), Add(audit)]",
    ),
    Defect(
        name="change without an audit record",
        file=f"{USECASES}/recording.py",
        old="changes += [Add(event), Add(audit), Add(message)]",
        new="changes += [Add(event), Add(message)]",
    ),
    Defect(
        name="forget the Idempotency-Key",
        file=f"{USECASES}/create_deployment.py",
        old="    if earlier is not None:\n        return earlier\n",
        new="",
    ),
    Defect(
        name="touch nodes without an approval",
        file="chalicelib/domain/waiting.py",
        old="waiting = rollout.phase in (Phase.AWAITING_APPROVAL, Phase.FROZEN)",
        new="waiting = rollout.phase is Phase.FROZEN",
    ),
    Defect(
        name="forget a node in the restore",
        file=f"{USECASES}/start_restore.py",
        old="            active_upto=0,\n",
        new="            active_upto=1,\n",
    ),
    Defect(
        name="believe in the restore without asking the nodes",
        file=f"{USECASES}/finish_restore.py",
        old="if pending and ports.clock.machine_ms() < (rollout.deadline_ms or 0):",
        new="if False:",
    ),
    Defect(
        name="wake nobody after a decision, ever",
        file=f"{USECASES}/recording.py",
        old="    if wait is None or wait.is_answered or wait.run != deployment.run:\n        return False\n",
        new="    return False\n",
    ),
    Defect(
        name="continue no lost execution",
        file=f"{USECASES}/reconcile.py",
        old="    if lost.has_ended or ports.executions.is_running(lost.execution_name):\n",
        new="    if True:\n",
    ),
    Defect(
        name="promote without the last wave's judgement",
        file=f"{USECASES}/advance_wave.py",
        old="        entries=(entry, *said, ended),\n",
        new="        entries=(*said, ended),\n",
    ),
    Defect(
        name="an end that can be left",
        file="chalicelib/domain/deployment.py",
        old="    **{end: frozenset() for end in ENDS},\n",
        new="    **{end: frozenset(Status) for end in ENDS},\n",
    ),
)


def planted(defect: Defect, copy: Path) -> None:
    """Change the copy.

    Raises:
        LookupError: the code has changed and the defect does not fit any more.
    """
    file = copy / defect.file
    text = file.read_text()
    if text.count(defect.old) != 1:
        raise LookupError(f"{defect.name}: its text occurs {text.count(defect.old)} times in {defect.file}")
    file.write_text(text.replace(defect.old, defect.new))


def found_by(defect: Defect | None) -> tuple[list[str], str]:
    """What the explorer says about a copy with this defect: the invariants violated, and all it printed."""
    with tempfile.TemporaryDirectory(prefix="hotswap-mutant-") as folder:
        copy = Path(folder)
        for name in COPIED:
            shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "app.py", copy)
        if defect is not None:
            planted(defect, copy)
        command = [sys.executable, "-m", "tests.chaos.explore", "--minutes", str(MINUTES_EACH), "--stop-at-first"]
        environment = {**os.environ, "PYTHONPATH": folder, "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True, check=False)
    said = done.stdout + done.stderr
    violated = [line.split()[1].rstrip(":") for line in said.splitlines() if line.startswith("VIOLATED ")]
    if done.returncode not in (0, 1) or (done.returncode == 1 and not violated):
        raise RuntimeError(f"a copy that does not run proves nothing: {said[-2000:]}")
    return violated, said


def main(names: Sequence[str]) -> int:
    """0: every defect was caught."""
    chosen = [defect for defect in DEFECTS if not names or defect.name in names]
    missed = []
    for number, defect in enumerate(chosen, start=1):
        violated, _ = found_by(defect)
        print(f"{number:2}. {defect.name}: {', '.join(violated) or 'NOT CAUGHT'}", flush=True)
        if not violated:
            missed.append(defect.name)
    print(f"{len(chosen) - len(missed)} of {len(chosen)} caught")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
