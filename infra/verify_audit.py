"""Verify an exported audit, with nothing but the export and the public key: no account, no network, no HotSwap running.

    python -m infra.verify_audit export.jsonl --public-key BASE64 [--public-key …] [--checkpoint HASH]

The export is answers of the API, one JSON object a line, in any order: `GET /api/v1/audit?subject=…` or `?day=…` (they
hold `records`) and `GET /api/v1/audit/checkpoints` (they hold `checkpoints`). `--checkpoint` is the hash of a checkpoint
that was noted elsewhere, such as in the log of the sweeps: if it is not in the export, the newest ones were removed.

Exit: 0 all is as it was sealed, 1 it is not (every fault is printed), 2 the export cannot be read.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from chalicelib.adapters.signatures import Ed25519Signatures
from chalicelib.domain.audit_check import Fault, chain_faults, checkpoint_faults
from chalicelib.domain.checkpoint import Checkpoint, SealedHead
from chalicelib.domain.timeline import AuditRecord

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(kw_only=True)
class Export:
    """What was exported: records by subject and number, checkpoints by number, and what each of those sealed."""

    records: dict[str, dict[int, AuditRecord]] = field(default_factory=lambda: defaultdict(dict))
    checkpoints: dict[int, Checkpoint] = field(default_factory=dict)
    heads: list[SealedHead] = field(default_factory=list)


def read_export(lines: Iterable[str]) -> Export:
    """An export from its lines.

    Raises:
        ValueError: a line is not JSON, or lacks a field.
    """
    export = Export()
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            body = json.loads(line)
            for each in body.get("records", ()):
                record = _record(each)
                export.records[record.subject][record.seq] = record
            for each in body.get("checkpoints", ()):
                checkpoint = _checkpoint(each)
                if checkpoint.number not in export.checkpoints:
                    export.heads += [_head(checkpoint, head) for head in each["heads"]]
                export.checkpoints[checkpoint.number] = checkpoint
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"line {number}: {error!r}") from error
    return export


def faults_of(export: Export, *, public_keys: Sequence[str], noted: str | None = None) -> tuple[Fault, ...]:
    """Everything that is not as it was sealed by one of these keys."""
    signatures = Ed25519Signatures()

    def verifies(checkpoint: Checkpoint) -> bool:
        return checkpoint.public_key in public_keys and signatures.verifies(
            public_key=checkpoint.public_key, signature=checkpoint.signature, message=checkpoint.signed_text
        )

    checkpoints = [export.checkpoints[number] for number in sorted(export.checkpoints)]
    faults = list(checkpoint_faults(checkpoints, export.heads, verifies, after=None))
    if noted is not None and noted not in {each.hash for each in checkpoints}:
        faults.append(Fault(what="CHECKPOINT_CUT_OFF", subject=noted, seq=0, detail="noted, and not in the export"))
    for subject, records in sorted(export.records.items()):
        faults += chain_faults(subject, [records[seq] for seq in sorted(records)])
    for head in export.heads:
        record = export.records.get(head.subject, {}).get(head.seq)
        if record is None:
            faults.append(_against("RECORD_MISSING", head, "and not in the export"))
        elif record.hash != head.hash:
            faults.append(_against("CHAIN_REWRITTEN", head, "with another hash"))
    return tuple(faults)


def _against(what: str, head: SealedHead, detail: str) -> Fault:
    return Fault(what=what, subject=head.subject, seq=head.seq, detail=f"sealed by {head.checkpoint} {detail}")


def _record(body: dict[str, Any]) -> AuditRecord:
    return AuditRecord(
        subject=body["subject"],
        seq=body["seq"],
        at_ms=_ms(body["at"]),
        actor=body["actor"],
        action=body["action"],
        outcome=body["outcome"],
        detail=body["detail"],
        request_id=body["requestId"],
        previous_hash=body["previousHash"],
        hash=body["hash"],
    )


def _checkpoint(body: dict[str, Any]) -> Checkpoint:
    return Checkpoint(
        number=body["number"],
        at_ms=_ms(body["at"]),
        upto_ms=_ms(body["upTo"]),
        leaves=body["leaves"],
        root=body["root"],
        previous=body["previous"],
        key_id=body["keyId"],
        public_key=body["publicKey"],
        signature=body["signature"],
    )


def _head(checkpoint: Checkpoint, body: dict[str, Any]) -> SealedHead:
    return SealedHead(
        seal=checkpoint.seal, index=body["index"], subject=body["subject"], seq=body["seq"], hash=body["hash"]
    )


def _ms(text: str) -> int:
    return (datetime.fromisoformat(text) - _EPOCH) // timedelta(milliseconds=1)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print what is wrong; the exit code says whether anything is."""
    parser = argparse.ArgumentParser(prog="python -m infra.verify_audit", description="Verify an exported audit.")
    parser.add_argument("export", type=Path)
    parser.add_argument("--public-key", action="append", required=True, help="base64; may be given several times")
    parser.add_argument("--checkpoint", help="the hash of a checkpoint that must be there")
    told = parser.parse_args(arguments)
    try:
        export = read_export(told.export.read_text(encoding="utf-8").splitlines())
    except (OSError, ValueError) as error:
        print(f"cannot be read: {error}", file=sys.stderr)
        return 2
    faults = faults_of(export, public_keys=told.public_key, noted=told.checkpoint)
    for fault in faults:
        print(f"{fault.what} {fault.subject} {fault.seq or ''}: {fault.detail}")
    count = sum(len(records) for records in export.records.values())
    verdict = f"{len(faults)} faults" if faults else "all as it was sealed"
    print(f"{count} records, {len(export.checkpoints)} checkpoints, {len(export.heads)} heads: {verdict}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
