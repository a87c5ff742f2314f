"""Nothing acknowledged is lost, whatever happens to the process."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from infra.local.cloud import LocalCloud
from infra.local.virtual_time import VirtualTime
from infra.local.write_ahead_log import LogIsDamagedError, WriteAheadLog
from tests.local.worlds import STORES

ROOT = Path(__file__).parents[2]

WRITER = """
import sys, threading
from pathlib import Path
from infra.local.cloud import LocalCloud
from infra.local.virtual_time import VirtualTime
from tests.local.worlds import STORES

cloud = LocalCloud(timers=VirtualTime(), resources=STORES, handlers={}, data_dir=Path(sys.argv[1])).start()
table = cloud.client("dynamodb")
say = threading.Lock()

def write(worker):
    for n in range(1_000_000):
        both = [{"Put": {"TableName": "hotswap", "Item": {"pk": {"S": f"{worker}-{n}"}, "sk": {"S": side}}}} for side in "ab"]
        table.transact_write_items(TransactItems=both)
        with say:
            print(f"{worker}-{n}", flush=True)

for worker in range(4):
    threading.Thread(target=write, args=(worker,)).start()
"""


def a_cloud(folder: Path) -> LocalCloud:
    return LocalCloud(timers=VirtualTime(), resources=STORES, handlers={}, data_dir=folder)


def all_keys(cloud: LocalCloud) -> set[tuple[str, str]]:
    pages = cloud.client("dynamodb").get_paginator("scan").paginate(TableName="hotswap")
    return {(item["pk"]["S"], item["sk"]["S"]) for page in pages for item in page["Items"]}


def test_no_acknowledged_write_is_lost_by_sigkill(tmp_path: Path) -> None:
    writer = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", WRITER, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert writer.stdout is not None
    acknowledged = [writer.stdout.readline().strip() for _ in range(150)]
    os.kill(writer.pid, signal.SIGKILL)
    acknowledged += [line.strip() for line in writer.stdout.read().splitlines(keepends=True) if line.endswith("\n")]
    assert writer.wait(10) == -signal.SIGKILL

    with a_cloud(tmp_path) as cloud:
        found = all_keys(cloud)

    assert {(name, side) for name in acknowledged for side in "ab"} <= found
    names = {name for name, _ in found}
    assert found == {(name, side) for name in names for side in "ab"}, "a transaction came back in half"
    assert len(names) - len(acknowledged) <= 4, "more than one unacknowledged write per thread"


def test_every_kind_of_value_update_and_delete_comes_back(tmp_path: Path) -> None:
    item: dict[str, Any] = {
        "pk": {"S": "é"},
        "sk": {"S": ""} | {"S": "1"},
        "n": {"N": "12.5"},
        "b": {"B": b"\x00\xff"},
        "flag": {"BOOL": True},
        "nothing": {"NULL": True},
        "list": {"L": [{"S": "x"}, {"M": {"deep": {"B": b"\x01"}}}]},
        "names": {"SS": ["a", "b"]},
        "numbers": {"NS": ["1", "2"]},
        "blobs": {"BS": [b"\x02"]},
    }
    key = {"pk": item["pk"], "sk": item["sk"]}
    with a_cloud(tmp_path) as cloud:
        table = cloud.client("dynamodb")
        table.put_item(TableName="hotswap", Item=item)
        table.put_item(TableName="hotswap", Item={"pk": {"S": "gone"}, "sk": {"S": "1"}})
        table.delete_item(TableName="hotswap", Key={"pk": {"S": "gone"}, "sk": {"S": "1"}})
        table.update_item(
            TableName="hotswap",
            Key=key,
            UpdateExpression="ADD #n :one",
            ExpressionAttributeNames={"#n": "n"},
            ExpressionAttributeValues={":one": {"N": "1"}},
        )
        before = table.get_item(TableName="hotswap", Key=key)["Item"]

    with a_cloud(tmp_path) as cloud:
        assert cloud.client("dynamodb").get_item(TableName="hotswap", Key=key)["Item"] == before
        assert all_keys(cloud) == {("é", "1")}
    assert before["n"] == {"N": "13.5"}
    assert before["b"] == {"B": b"\x00\xff"}


def test_a_torn_tail_is_cut_and_reported(tmp_path: Path) -> None:
    with a_cloud(tmp_path) as cloud:
        for n in range(3):
            cloud.client("dynamodb").put_item(TableName="hotswap", Item={"pk": {"S": str(n)}, "sk": {"S": "x"}})
    (log,) = (tmp_path / "tables").glob("log-*")
    log.write_bytes(log.read_bytes()[:-5])

    with a_cloud(tmp_path) as cloud:
        assert cloud.cut_bytes > 0
        assert all_keys(cloud) == {("0", "x"), ("1", "x")}
        cloud.client("dynamodb").put_item(TableName="hotswap", Item={"pk": {"S": "3"}, "sk": {"S": "x"}})
    with a_cloud(tmp_path) as cloud:
        assert cloud.cut_bytes == 0
        assert all_keys(cloud) == {("0", "x"), ("1", "x"), ("3", "x")}


def test_a_write_that_cannot_be_kept_is_not_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with a_cloud(tmp_path) as cloud:
        table = cloud.client("dynamodb")
        table.put_item(TableName="hotswap", Item={"pk": {"S": "1"}, "sk": {"S": "x"}, "v": {"S": "old"}})
        real_write = os.write

        def full(descriptor: int, data: bytes) -> int:
            real_write(descriptor, data[:7])
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(os, "write", full)
        with pytest.raises(OSError, match="No space left"):
            table.put_item(TableName="hotswap", Item={"pk": {"S": "1"}, "sk": {"S": "x"}, "v": {"S": "new"}})
        monkeypatch.undo()

        found = table.get_item(TableName="hotswap", Key={"pk": {"S": "1"}, "sk": {"S": "x"}})["Item"]
        table.put_item(TableName="hotswap", Item={"pk": {"S": "2"}, "sk": {"S": "x"}})
    with a_cloud(tmp_path) as cloud:
        assert cloud.cut_bytes == 0
        assert all_keys(cloud) == {("1", "x"), ("2", "x")}
    assert found["v"] == {"S": "old"}


def test_objects_and_secrets_come_back(tmp_path: Path) -> None:
    with a_cloud(tmp_path) as cloud:
        bucket, secrets = cloud.client("s3"), cloud.client("secretsmanager")
        bucket.put_object(Bucket="hotswap-artifacts", Key="sha256/ab cd/é", Body=b"\x00zip")
        bucket.put_object(Bucket="hotswap-artifacts", Key="gone", Body=b"x")
        bucket.delete_object(Bucket="hotswap-artifacts", Key="gone")
        secrets.put_secret_value(SecretId="hotswap/signing-keys", SecretString="first words for a test")
        secrets.put_secret_value(SecretId="hotswap/signing-keys", SecretString="second words for a test")

    with a_cloud(tmp_path) as cloud:
        bucket, secrets = cloud.client("s3"), cloud.client("secretsmanager")
        listed = bucket.list_objects_v2(Bucket="hotswap-artifacts")["Contents"]
        assert [entry["Key"] for entry in listed] == ["sha256/ab cd/é"]
        assert bucket.get_object(Bucket="hotswap-artifacts", Key="sha256/ab cd/é")["Body"].read() == b"\x00zip"
        now = secrets.get_secret_value(SecretId="hotswap/signing-keys")["SecretString"]
        before = secrets.get_secret_value(SecretId="hotswap/signing-keys", VersionStage="AWSPREVIOUS")["SecretString"]
    assert (now, before) == ("second words for a test", "first words for a test")
    assert (tmp_path / "secrets.json").stat().st_mode & 0o777 == 0o600


def test_compaction_keeps_everything_and_shortens_the_log(tmp_path: Path) -> None:
    log = WriteAheadLog(tmp_path, compact_after_bytes=100)
    log.open()
    state: dict[str, int] = {}
    for n in range(50):
        state[f"k{n % 7}"] = n
        log.append(json.dumps([f"k{n % 7}", n]))
        if log.is_large():
            log.compact(json.dumps(state))
    log.close()

    reopened = WriteAheadLog(tmp_path)
    recovery = reopened.open()
    reopened.close()

    found = dict(recovery.snapshot)
    found.update(dict(recovery.records))
    assert found == state
    assert len(list(tmp_path.glob("log-*"))) == 1
    assert len(recovery.records) < 10


def test_a_crash_between_new_log_and_new_snapshot_keeps_the_old_pair(tmp_path: Path) -> None:
    log = WriteAheadLog(tmp_path)
    log.open()
    log.append(json.dumps({"n": 1}))
    log.close()
    (tmp_path / "log-00000001").write_bytes(b"")

    recovery = WriteAheadLog(tmp_path).open()

    assert recovery.records == [{"n": 1}]


@pytest.mark.parametrize("position", [0, 3, 5, 9, -1])
def test_a_flipped_byte_ends_the_log_before_it(tmp_path: Path, position: int) -> None:
    log = WriteAheadLog(tmp_path)
    log.open()
    log.append(json.dumps({"n": 1}))
    first = (tmp_path / "log-00000000").stat().st_size
    log.append(json.dumps({"n": 2}))
    log.close()
    content = bytearray((tmp_path / "log-00000000").read_bytes())
    content[position if position < 0 else first + position] ^= 0xFF
    (tmp_path / "log-00000000").write_bytes(content)

    recovery = WriteAheadLog(tmp_path).open()

    assert recovery.records == [{"n": 1}]
    assert recovery.cut_bytes == len(content) - first


def a_log_of_three(folder: Path) -> tuple[Path, list[int]]:
    """A log of three records, and where each ends."""
    log, ends = WriteAheadLog(folder), []
    log.open()
    file = folder / "log-00000000"
    for n in range(3):
        log.append(json.dumps({"n": n, "text": "é" * n}))
        ends.append(file.stat().st_size)
    log.close()
    return file, ends


def test_a_log_that_ends_at_any_byte_gives_every_record_that_is_whole_and_takes_new_ones(tmp_path: Path) -> None:
    file, ends = a_log_of_three(tmp_path)
    whole = file.read_bytes()
    for size in range(len(whole) + 1):
        file.write_bytes(whole[:size])
        log = WriteAheadLog(tmp_path)

        recovery = log.open()
        log.append(json.dumps("the next"))
        log.close()

        good = [end for end in ends if end <= size]
        assert [record["n"] for record in recovery.records] == list(range(len(good))), size
        assert recovery.cut_bytes == size - (good[-1] if good else 0)
        again = WriteAheadLog(tmp_path)
        assert (again.open().records[-1], again.open().cut_bytes) == ("the next", 0)
        again.close()


def test_a_flipped_bit_in_any_byte_is_found_and_nothing_from_there_on_is_believed(tmp_path: Path) -> None:
    file, ends = a_log_of_three(tmp_path)
    whole = file.read_bytes()
    for position in range(len(whole)):
        spoilt = bytearray(whole)
        spoilt[position] ^= 1 << position % 8
        file.write_bytes(spoilt)
        log = WriteAheadLog(tmp_path)

        recovery = log.open()
        log.close()

        before = sum(end <= position for end in ends)
        assert [record["n"] for record in recovery.records] == list(range(before)), position
        assert recovery.cut_bytes > 0
        assert (tmp_path / "cut-00000000").read_bytes() == spoilt[ends[before - 1] if before else 0 :]


def test_the_last_good_state_of_the_cloud_is_used_when_the_log_is_damaged_in_the_middle(tmp_path: Path) -> None:
    with a_cloud(tmp_path) as cloud:
        for n in range(3):
            cloud.client("dynamodb").put_item(TableName="hotswap", Item={"pk": {"S": str(n)}, "sk": {"S": "x"}})
    (log,) = (tmp_path / "tables").glob("log-*")
    content = bytearray(log.read_bytes())
    content[content.index(b'"1"')] ^= 0x10
    log.write_bytes(content)

    with a_cloud(tmp_path) as cloud:
        assert cloud.cut_bytes > 0
        assert all_keys(cloud) == {("0", "x")}


def test_a_damaged_snapshot_is_an_error_not_an_empty_table(tmp_path: Path) -> None:
    log = WriteAheadLog(tmp_path)
    log.open()
    log.compact(json.dumps({"n": 1}))
    log.close()
    path = tmp_path / "snapshot.json"
    stored = json.loads(path.read_text())
    path.write_text(json.dumps({**stored, "content": '{"n":2}'}))

    with pytest.raises(LogIsDamagedError, match="checksum"):
        WriteAheadLog(tmp_path).open()
