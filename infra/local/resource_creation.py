"""Creates resources given as data, through boto3, as a template would.

moto's CloudFormation is not used: it puts state machines into a back end that does not execute, and says
CREATE_COMPLETE for a SAM template of which it created nothing.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Mapping
from string import Template
from typing import Any

from infra.resources import Resources, Rule, StateMachine, Table

ClientFor = Callable[[str], Any]


def create(resources: Resources, client_for: ClientFor) -> dict[str, str]:
    """Create everything; returns the ARN of each function and state machine, and the URL of each queue, by name."""
    for table in resources.tables:
        _create_table(table, client_for("dynamodb"))
    for bucket in resources.buckets:
        client_for("s3").create_bucket(Bucket=bucket.name)
    outputs = {}
    for queue in resources.queues:
        outputs[queue.name] = client_for("sqs").create_queue(QueueName=queue.name)["QueueUrl"]
    role = _role(client_for("iam"))
    for function in resources.functions:
        created = client_for("lambda").create_function(
            FunctionName=function.name,
            Runtime="python3.11",
            Handler=function.handler,
            Role=role,
            Code={"ZipFile": _empty_zip()},
            Timeout=function.timeout_s,
            MemorySize=function.memory_mb,
        )
        outputs[function.name] = created["FunctionArn"]
    for bus in resources.buses:
        client_for("events").create_event_bus(Name=bus.name)
    for rule in resources.rules:
        _create_rule(rule, outputs, client_for)
    for secret in resources.secrets:
        client_for("secretsmanager").create_secret(Name=secret.name, Description=secret.description)
    for machine in resources.state_machines:
        created = client_for("stepfunctions").create_state_machine(
            name=machine.name, definition=definition_of(machine, outputs), roleArn=role
        )
        outputs[machine.name] = created["stateMachineArn"]
    return outputs


def definition_of(machine: StateMachine, arns: Mapping[str, str]) -> str:
    """The definition with its placeholders filled in.

    Raises:
        ValueError: it is no JSON, or a placeholder has no function.
    """
    values = {placeholder: arns[function] for placeholder, function in machine.function_arns.items()}
    text = machine.definition.read_text(encoding="utf-8")
    try:
        filled = Template(text).substitute(values)
    except (KeyError, ValueError):
        # `$.path` and `$$.Context` are no placeholders; only `${Name}` is.
        filled = text
        for placeholder, arn in values.items():
            filled = filled.replace("${" + placeholder + "}", arn)
    if "${" in filled:
        raise ValueError(f"{machine.definition.name}: a placeholder has no function")
    json.loads(filled)
    return filled


def _create_table(table: Table, client: Any) -> None:
    keys = {table.partition_key, table.sort_key}
    for index in table.indexes:
        keys |= {index.partition_key, index.sort_key}
    arguments: dict[str, Any] = {
        "TableName": table.name,
        "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": _schema(table.partition_key, table.sort_key),
        "AttributeDefinitions": [{"AttributeName": key, "AttributeType": "S"} for key in sorted(keys)],
    }
    if table.indexes:
        arguments["GlobalSecondaryIndexes"] = [
            {
                "IndexName": index.name,
                "KeySchema": _schema(index.partition_key, index.sort_key),
                "Projection": {"ProjectionType": "ALL"},
            }
            for index in table.indexes
        ]
    client.create_table(**arguments)
    if table.ttl_attribute is not None:
        client.update_time_to_live(
            TableName=table.name,
            TimeToLiveSpecification={"Enabled": True, "AttributeName": table.ttl_attribute},
        )


def _schema(partition_key: str, sort_key: str) -> list[dict[str, str]]:
    return [
        {"AttributeName": partition_key, "KeyType": "HASH"},
        {"AttributeName": sort_key, "KeyType": "RANGE"},
    ]


def _create_rule(rule: Rule, outputs: Mapping[str, str], client_for: ClientFor) -> None:
    events = client_for("events")
    events.put_rule(Name=rule.name, EventBusName=rule.bus, EventPattern=json.dumps(rule.pattern))
    target: dict[str, Any] = {"Id": rule.function, "Arn": outputs[rule.function]}
    if rule.dead_letter_queue is not None:
        answer = client_for("sqs").get_queue_attributes(
            QueueUrl=outputs[rule.dead_letter_queue], AttributeNames=["QueueArn"]
        )
        target["DeadLetterConfig"] = {"Arn": answer["Attributes"]["QueueArn"]}
    events.put_targets(Rule=rule.name, EventBusName=rule.bus, Targets=[target])


def _role(client: Any) -> str:
    arn: str = client.create_role(RoleName="hotswap-local", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    return arn


def _empty_zip() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("app.py", "# the code runs in this process\n")
    return content.getvalue()
