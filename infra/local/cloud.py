"""The cloud on your machine: real interpreters and stores in this process, driven by the resources both clouds share."""

from __future__ import annotations

import datetime
import json
import os
import threading
import uuid
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any
from unittest.mock import patch

import boto3
from botocore.config import Config
from moto import mock_aws
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.dynamodb.models import dynamodb_backends
from moto.s3.models import s3_backends
from moto.server import ThreadedMotoServer

from infra.local import resource_creation
from infra.local.deliveries import Deliveries
from infra.local.kept_files import KeptObjects, KeptSecrets
from infra.local.kept_tables import KeptTables
from infra.local.measured_calls import MeasuredCalls
from infra.local.repairs.calls import CallHook
from infra.local.repairs.executions import RunningExecutions
from infra.local.repairs.in_order import in_order
from infra.local.repairs.lambda_functions import Handler
from infra.local.sessions import session_with_shared_models
from infra.local.ticker import Ticker
from infra.local.timers import Timers
from infra.local.user_functions import UserFunctions
from infra.resources import Resources, Schedule

REGION = "us-east-1"
# Not a secret: whoever sees these words knows that they open nothing.
_FAKE_ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_SESSION_TOKEN": "testing",
    "AWS_DEFAULT_REGION": REGION,
    "AWS_REGION": REGION,
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}
_REAL_ACCOUNT_VARIABLES = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_ENDPOINT_URL", "AWS_ROLE_ARN")


class FunctionError(RuntimeError):
    """A handler raised. `error_type` is the class name of what it raised."""

    def __init__(self, function: str, problem: Mapping[str, Any]) -> None:
        super().__init__(f"{function}: {problem.get('errorType')}: {problem.get('errorMessage')}")
        self.error_type = str(problem.get("errorType"))
        self.problem = dict(problem)


class LocalCloud:
    """One installation of `resources` in this process, with `handlers` as the code of its functions.

    One at a time per process, any number one after the other. From `start` to `stop` every boto3 client in the process
    speaks to this cloud and to nothing else. `stop` ends all executions; no thread of the cloud outlives it.

    With a `data_dir`, every acknowledged DynamoDB write, uploaded object and secret survives SIGKILL; executions do
    not (a reconciler continues them). Without one, everything is forgotten at `stop`.

    With `emulator_port` (0: any free one) the same state is served on loopback: presigned links, `aws --endpoint-url`.
    """

    def __init__(
        self,
        *,
        timers: Timers,
        resources: Resources,
        handlers: Mapping[str, Handler],
        data_dir: Path | None = None,
        emulator_port: int | None = None,
        tick: bool = False,
        sooner: Mapping[str, float] = MappingProxyType({}),
    ) -> None:
        """With `tick`, a thread calls the schedules; without it a test does (`fire`). `sooner`: schedules that are
        called more often than EventBridge can, every so many seconds."""
        unknown = set(handlers) - {function.name for function in resources.functions}
        if unknown:
            raise ValueError(f"handlers for functions that are no resource: {sorted(unknown)}")
        self.timers = timers
        self.resources = resources
        self.call_hook = CallHook()
        self.outputs: dict[str, str] = {}
        self._handlers = handlers
        self._data_dir = data_dir
        self._emulator_port = emulator_port
        self._tick = tick
        self._sooner = dict(sooner)
        self._tables = None if data_dir is None else KeptTables(data_dir / "tables")
        self._running = RunningExecutions()
        self._user_functions = UserFunctions()
        self.calls = MeasuredCalls(timers)
        self._stack: ExitStack | None = None
        self._server: Any = None
        self._clients: dict[tuple[str, bool], Any] = {}
        self._making_client = threading.Lock()

    def start(self) -> LocalCloud:
        """Bring everything up, restore what was kept, and return self."""
        if self._stack is not None:
            raise RuntimeError("this cloud is started already")
        with ExitStack() as stack:
            self._enter_mock(stack)
            deliveries = Deliveries(self.timers)
            self._enter_repairs(stack, deliveries)
            stack.callback(self._user_functions.stop)
            stack.callback(deliveries.stop)
            stack.callback(self._running.stop_all)
            self.outputs = resource_creation.create(self.resources, self.client)
            if self._data_dir is not None:
                self._restore_and_keep(stack, self._data_dir)
            if self._emulator_port is not None:
                self._serve(stack, self._emulator_port)
            if self._tick:
                every_s = {schedule.name: schedule.every_s for schedule in self.resources.schedules} | self._sooner
                ticker = Ticker(every_s, self.fire)
                ticker.start()
                stack.callback(ticker.stop)
            self._stack = stack.pop_all()
        return self

    def stop(self) -> None:
        """End all executions and deliveries, and give the process its own environment back. Twice is harmless."""
        stack, self._stack = self._stack, None
        if stack is not None:
            stack.close()
        self._clients.clear()

    def __enter__(self) -> LocalCloud:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def client(self, service: str, *, over_http: bool = False) -> Any:
        """A boto3 client of this cloud, shared by all threads. `over_http` makes links that other programs can open."""
        with self._making_client:
            client = self._clients.get((service, over_http))
            if client is None:
                config = Config(signature_version="s3v4", s3={"addressing_style": "path"}) if service == "s3" else None
                client = boto3.client(
                    service,  # type: ignore[call-overload]
                    region_name=REGION,
                    config=config,
                    endpoint_url=self.endpoint_url if over_http else None,
                )
                self._clients[service, over_http] = client
            return client

    @property
    def endpoint_url(self) -> str:
        """Where the emulator listens."""
        if self._server is None:
            raise RuntimeError("the cloud was started without an emulator port")
        _, port = self._server.get_host_and_port()
        return f"http://127.0.0.1:{port}"

    def invoke(self, function: str, payload: Any) -> Any:
        """Call a function and wait for its answer.

        Raises:
            FunctionError: its handler raised.
        """
        answer = self.client("lambda").invoke(FunctionName=function, Payload=json.dumps(payload).encode())
        result = json.loads(answer["Payload"].read())
        if "FunctionError" in answer:
            raise FunctionError(function, result)
        return result

    def fire(self, schedule_name: str) -> Any:
        """Call the function of a schedule with the event it gets in AWS, and wait for its answer."""
        schedule = next(s for s in self.resources.schedules if s.name == schedule_name)
        return self.invoke(schedule.function, _schedule_event(schedule, self.timers.now_ms()))

    def start_execution(self, state_machine: str, name: str, payload: Any) -> str:
        """Start an execution and return its ARN."""
        answer = self.client("stepfunctions").start_execution(
            stateMachineArn=self.outputs[state_machine], name=name, input=json.dumps(payload)
        )
        arn: str = answer["executionArn"]
        return arn

    def describe_execution(self, arn: str) -> dict[str, Any]:
        """What DescribeExecution says."""
        answer: dict[str, Any] = self.client("stepfunctions").describe_execution(executionArn=arn)
        return answer

    def _enter_mock(self, stack: ExitStack) -> None:
        kept = {name: value for name, value in os.environ.items() if name not in _REAL_ACCOUNT_VARIABLES}
        stack.enter_context(patch.dict(os.environ, kept, clear=True))
        stack.enter_context(mock_aws(config={"stepfunctions": {"execute_state_machine": True}}))
        os.environ.update(_FAKE_ENVIRONMENT)
        stack.enter_context(patch("boto3.DEFAULT_SESSION", session_with_shared_models()))

    def _enter_repairs(self, stack: ExitStack, deliveries: Deliveries) -> None:
        repairs = in_order(
            hook=self.call_hook,
            after_writes=self._tables.keep if self._tables else None,
            handlers=self._handlers,
            user_functions=self._user_functions,
            measured=self.calls,
            deliveries=deliveries,
            running=self._running,
            timers=self.timers,
        )
        for repair in repairs:
            stack.enter_context(repair())

    def _restore_and_keep(self, stack: ExitStack, data_dir: Path) -> None:
        objects, secrets = KeptObjects(data_dir / "objects"), KeptSecrets(data_dir)
        if self._tables is not None:
            self._tables.restore(dynamodb_backends[DEFAULT_ACCOUNT_ID][REGION])
            stack.callback(self._tables.close)
        objects.restore(s3_backends[DEFAULT_ACCOUNT_ID]["aws"])
        secrets.restore(self.client("secretsmanager"))
        # Only now: what is restored is on disk already.
        stack.enter_context(objects.kept())
        stack.enter_context(secrets.kept())

    @property
    def cut_bytes(self) -> int:
        """Bytes of a torn last write that were found at `start`; it was never acknowledged."""
        return self._tables.cut_bytes if self._tables else 0

    def _serve(self, stack: ExitStack, port: int) -> None:
        self._server = ThreadedMotoServer(ip_address="127.0.0.1", port=port, verbose=False)
        self._server.start()

        def stop() -> None:
            self._server.stop()
            self._server = None

        stack.callback(stop)


def _schedule_event(schedule: Schedule, now_ms: int) -> dict[str, Any]:
    moment = datetime.datetime.fromtimestamp(now_ms / 1000, tz=datetime.UTC)
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": DEFAULT_ACCOUNT_ID,
        "time": moment.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": REGION,
        "resources": [f"arn:aws:events:{REGION}:{DEFAULT_ACCOUNT_ID}:rule/{schedule.name}"],
        "detail": {},
    }
