"""What the interpreter keeps, and what it lets go."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import boto3
import pytest
from moto.stepfunctions.parser import utils
from moto.stepfunctions.parser.asl.component.eval_component import EvalComponent
from moto.stepfunctions.parser.asl.component.state.exec.state_task import lambda_eval_utils
from moto.stepfunctions.parser.asl.parse import asl_parser
from moto.stepfunctions.parser.asl.utils import json_path

from infra.local.repairs import interpreter_speed
from infra.local.virtual_time import VirtualTime
from tests.local.worlds import Desk, a_cloud, a_token_task, bare_moto

# Told apart by its comment: what was parsed is kept as long as the process lives.
DEFINITION = '{"Comment": "%s", "StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}}'


def clients_made() -> int:
    with bare_moto(), patch.object(boto3, "client", wraps=boto3.client) as made:
        for _ in range(3):
            lambda_eval_utils.boto_client_for(region="us-east-1", service="lambda")
    return made.call_count


def definitions_parsed() -> int:
    definition = DEFINITION % uuid.uuid4()
    with patch.object(asl_parser, "ASLParser", wraps=asl_parser.ASLParser) as made:
        for _ in range(3):
            asl_parser.AmazonStateLanguageParser.parse(definition)
    return made.call_count


def paths_are_parsed_anew() -> bool:
    return json_path.parse("$.a.b") is not json_path.parse("$.a.b")


def test_moto_makes_a_client_per_task() -> None:
    assert clients_made() == 3, "moto shares clients now: drop the repair"
    with interpreter_speed.tasks_share_one_client_per_service():
        assert clients_made() == 1
    assert clients_made() == 3


def test_moto_parses_at_each_use() -> None:
    assert definitions_parsed() == 3, "moto keeps what it parsed now: drop the repair"
    assert paths_are_parsed_anew()
    with interpreter_speed.parsed_definitions_and_paths_are_kept():
        assert definitions_parsed() == 1
        assert not paths_are_parsed_anew()
    assert paths_are_parsed_anew()


def test_an_invalid_definition_is_refused_each_time() -> None:
    with interpreter_speed.parsed_definitions_and_paths_are_kept():
        for _ in range(2):
            with pytest.raises(asl_parser.ASLParserException):
                asl_parser.AmazonStateLanguageParser.parse('{"StartAt": 1}')


def test_moto_keeps_every_thread(tmp_path: Path) -> None:
    kept = len(utils.TMP_THREADS)
    with bare_moto():
        from tests.local.repairs.test_executions import a_bare_machine

        client, machine = a_bare_machine({"P": {"Type": "Pass", "End": True}})
        client.start_execution(stateMachineArn=machine, name="one")
        # One of them starts the other: only when they have ended is it known how many were kept.
        for thread in list(utils.TMP_THREADS):
            thread.join(10)
    assert len(utils.TMP_THREADS) > kept, "moto lets threads go now: drop the repair"

    kept, timers = len(utils.TMP_THREADS), VirtualTime()
    with a_cloud(tmp_path, {"Ask": a_token_task()}, Desk(), timers) as cloud:
        cloud.start_execution("machine", "one", {})
        timers.wait_until_quiet()
    assert len(utils.TMP_THREADS) == kept


def test_a_caught_failure_prints_nothing(caplog: pytest.LogCaptureFixture) -> None:
    class Failing(EvalComponent):
        def _eval_body(self, env: Any) -> None:
            raise ValueError("caught by somebody")

    class Running:
        next_field_name = ""

        def is_running(self) -> bool:
            return True

    def printed(evaluate: Callable[[], None]) -> int:
        caplog.clear()
        with pytest.raises(ValueError, match="caught"):
            evaluate()
        return len([record for record in caplog.records if record.levelname == "ERROR"])

    assert printed(lambda: Failing().eval(Running())) == 1, "moto is silent now: drop the repair"
    with interpreter_speed.handled_failures_are_not_printed():
        assert printed(lambda: Failing().eval(Running())) == 0
