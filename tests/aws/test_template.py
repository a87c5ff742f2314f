"""The template says what the resources say, and what an account needs besides."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import app as application
from chalicelib.domain.telemetry import MEASURES, NAMESPACE
from chalicelib.domain.telemetry import STAGE as STAGE_DIMENSION
from chalicelib.routes.endpoint import all_specs
from chalicelib.routes.limits import limit_of
from infra.local import resource_creation
from infra.local.cloud import LocalCloud
from infra.main import MOST_BYTES, MOST_RESOURCES, summary
from infra.naming import LIVE, deployed
from infra.permissions import PERMISSIONS, TRACES, Use
from infra.resources import COMPRESSED_FROM_BYTES, HOTSWAP
from infra.stack.alarms import Alarm, alarms
from infra.stack.calls import rate
from infra.stack.firewall import path_pattern
from infra.stack.functions import logical_id
from infra.stack.stage import Stage
from tests.aws.conftest import STAGE, Template
from tests.stories.story_time import StoryTime

pytestmark = pytest.mark.timeout(400)


@pytest.fixture
def local_cloud():
    with LocalCloud(timers=StoryTime(), resources=HOTSWAP, handlers={}) as cloud:
        yield cloud


def test_cfn_lint_finds_nothing(template: Template):
    # W3005: a machine waits for its role's policies; that it also names the role is no mistake.
    linter = Path(sys.executable).with_name("cfn-lint")
    done = subprocess.run([str(linter), "-i", "W3005", "--", str(template.file)], capture_output=True, text=True)

    assert done.returncode == 0, done.stdout
    assert template.file.stat().st_size < MOST_BYTES
    assert len(template.content["Resources"]) < MOST_RESOURCES


def test_what_was_made_is_said_in_figures(template: Template):
    said = summary(template.file.parent)

    assert f"{template.file.stat().st_size:,} of 1,000,000 bytes, {len(template.content['Resources'])} of 500" in said
    assert f"{template.zip.stat().st_size:,} of 12,582,912 bytes" in said
    assert "checks: 0 findings," in said


def test_the_table_of_the_template_is_the_table_of_the_local_cloud(template: Template, local_cloud: LocalCloud):
    made = template.one("AWS::DynamoDB::Table")
    local = local_cloud.client("dynamodb").describe_table(TableName="hotswap")["Table"]
    expiry = local_cloud.client("dynamodb").describe_time_to_live(TableName="hotswap")["TimeToLiveDescription"]

    assert made["TableName"] == deployed("hotswap", STAGE)
    assert made["KeySchema"] == local["KeySchema"]
    assert _by_name(made["AttributeDefinitions"], "AttributeName") == _by_name(
        local["AttributeDefinitions"], "AttributeName"
    )
    indexes = [
        {"IndexName": each["IndexName"], "KeySchema": each["KeySchema"], "Projection": each["Projection"]}
        for each in local["GlobalSecondaryIndexes"]
    ]
    assert made["GlobalSecondaryIndexes"] == indexes
    assert made["BillingMode"] == local["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    assert made["TimeToLiveSpecification"] == {"AttributeName": expiry["AttributeName"], "Enabled": True}


def test_the_table_can_be_restored_is_encrypted_and_cannot_be_deleted_by_mistake(template: Template):
    made = template.one("AWS::DynamoDB::Table")

    assert made["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert made["SSESpecification"]["SSEType"] == "KMS"
    assert made["DeletionProtectionEnabled"] is True
    fates = {
        each["Type"]: (each.get("DeletionPolicy"), each.get("UpdateReplacePolicy"))
        for each in template.content["Resources"].values()
        if each["Type"] in ("AWS::DynamoDB::Table", "AWS::S3::Bucket", "AWS::KMS::Key", "AWS::SecretsManager::Secret")
    }
    assert set(fates.values()) == {("Retain", "Retain")}
    assert len(fates) == 4


def test_buses_queues_buckets_and_secrets_are_those_of_the_local_cloud(template: Template, local_cloud: LocalCloud):
    events, sqs, s3 = (local_cloud.client(each) for each in ("events", "sqs", "s3"))
    secrets = local_cloud.client("secretsmanager").list_secrets()["SecretList"]

    buses = {deployed(each["Name"], STAGE) for each in events.list_event_buses()["EventBuses"]} - {
        deployed("default", STAGE)
    }
    assert {each["Name"] for each in template.all_of("AWS::Events::EventBus").values()} == buses
    queues = {deployed(each.rsplit("/", 1)[1], STAGE) for each in sqs.list_queues()["QueueUrls"]}
    assert {each["QueueName"] for each in template.all_of("AWS::SQS::Queue").values()} == queues
    made = {each["Name"]: each["Description"] for each in template.all_of("AWS::SecretsManager::Secret").values()}
    assert made == {deployed(each["Name"], STAGE): each.get("Description", "") for each in secrets}
    names = [each["BucketName"]["Fn::Sub"] for each in template.all_of("AWS::S3::Bucket").values()]
    local = [deployed(each["Name"], STAGE) for each in s3.list_buckets()["Buckets"]]
    assert [name.split("-${")[0] for name in names] == local


def test_no_template_holds_the_value_of_a_secret(template: Template):
    for secret in template.all_of("AWS::SecretsManager::Secret").values():
        assert not {"SecretString", "GenerateSecretString"} & set(secret)


def test_functions_have_the_handler_the_time_and_the_memory_of_the_resources(
    template: Template, local_cloud: LocalCloud
):
    made = {
        each["FunctionName"]: (each["Handler"], each["Timeout"], each["MemorySize"])
        for each in template.all_of("AWS::Serverless::Function").values()
    }
    local = {
        deployed(each["FunctionName"], STAGE): (each["Handler"], each["Timeout"], each["MemorySize"])
        for each in local_cloud.client("lambda").list_functions()["Functions"]
    }

    assert made == local


def test_rules_and_schedules_are_those_of_the_local_cloud(template: Template, local_cloud: LocalCloud):
    rules = template.all_of("AWS::Events::Rule").values()
    events = local_cloud.client("events")
    local = {
        deployed(each["Name"], STAGE): json.loads(each["EventPattern"])
        for bus in ("hotswap", "default")
        for each in events.list_rules(EventBusName=bus)["Rules"]
    }
    targets = {deployed(rule.name, STAGE): logical_id(rule.function) for rule in HOTSWAP.rules}

    assert {each["Name"]: each["EventPattern"] for each in rules if "EventPattern" in each} == local
    for each in rules:
        if "EventPattern" in each:
            (target,) = each["Targets"]
            assert target["DeadLetterConfig"]["Arn"]
            assert target["Arn"] == {"Fn::GetAtt": [targets[each["Name"]], "Arn"]}
    clocks = {each["Name"]: each["ScheduleExpression"] for each in rules if "ScheduleExpression" in each}
    assert clocks == {deployed(each.name, STAGE): rate(each.every_s) for each in HOTSWAP.schedules}


def test_the_state_machine_is_the_one_that_runs_locally(template: Template, local_cloud: LocalCloud):
    made = template.one("AWS::StepFunctions::StateMachine")
    (machine,) = HOTSWAP.state_machines
    arns = {function: local_cloud.outputs[function] for function in machine.function_arns.values()}
    local = local_cloud.client("stepfunctions").describe_state_machine(
        stateMachineArn=local_cloud.outputs[machine.name]
    )
    text = made["DefinitionString"]
    for placeholder, function in machine.function_arns.items():
        text = text.replace("${" + placeholder + "}", arns[function])

    assert json.loads(text) == json.loads(local["definition"])
    assert json.loads(resource_creation.definition_of(machine, arns)) == json.loads(local["definition"])


def test_running_deployments_keep_their_definition_and_their_code(template: Template):
    made = template.one("AWS::StepFunctions::StateMachine")
    (version,) = (
        each
        for each in template.content["Resources"].values()
        if each["Type"] == "AWS::StepFunctions::StateMachineVersion"
    )
    alias = template.one("AWS::StepFunctions::StateMachineAlias")

    assert made["DefinitionSubstitutions"] == {"StepsFunctionArn": {"Ref": "Steps.Version"}}
    assert template.content["Resources"]["Steps"]["Properties"]["AutoPublishAlias"] == LIVE
    assert version["DeletionPolicy"] == version["UpdateReplacePolicy"] == "Retain"
    assert alias["Name"] == LIVE
    for function in template.all_of("AWS::Serverless::Function").values():
        told = function["Environment"]["Variables"]["HOTSWAP_STATE_MACHINE_ARN"]
        assert _text(told).endswith(f":stateMachine:hotswap-{STAGE}-deployment:{LIVE}")


def test_every_function_is_told_all_it_reads_and_nothing_dangerous(template: Template):
    from chalicelib.settings import REQUIRED, unsafe_points

    for name, function in template.all_of("AWS::Serverless::Function").items():
        told = {key: _text(value) for key, value in function["Environment"]["Variables"].items()}
        assert set(REQUIRED) <= set(told), name
        assert unsafe_points({**told, "AWS_LAMBDA_FUNCTION_NAME": name}) == ()
        assert {deployed(each.name, STAGE) for each in HOTSWAP.secrets} <= set(told.values())
    hooks = template.content["Resources"]["Hooks"]["Properties"]["Environment"]["Variables"]
    assert _text(hooks["HOTSWAP_PUBLIC_URL"]).startswith("https://")


def test_each_function_has_a_role_of_its_own_with_its_permissions_and_no_others(template: Template):
    roles = {
        name: each["Properties"]
        for name, each in template.content["Resources"].items()
        if each["Type"] == "AWS::IAM::Role"
    }
    functions = template.all_of("AWS::Serverless::Function")
    used = [each["Role"]["Fn::GetAtt"][0] for each in functions.values()]
    assert len(set(used)) == len(used) == len(PERMISSIONS)
    for each in functions.values():
        function = each["FunctionName"].removeprefix(f"hotswap-{STAGE}-")
        (policy,) = roles[each["Role"]["Fn::GetAtt"][0]]["Policies"]
        statements = policy["PolicyDocument"]["Statement"]
        assert {said["Sid"]: said["Action"] for said in statements} == {
            grant.sid: list(grant.actions) for grant in PERMISSIONS[function] if grant is not TRACES
        }
        assert "ManagedPolicyArns" not in roles[each["Role"]["Fn::GetAtt"][0]]


def test_no_wildcard_without_a_reason():
    for function, grants in PERMISSIONS.items():
        for grant in grants:
            assert not any("*" in action for action in grant.actions), (function, grant.sid)
            from infra.permissions import arn

            wide = [each for each in grant.resources if re.search(r"[*?]", arn(each, function=function, stage=STAGE))]
            assert bool(grant.why) == bool(wide or grant.use is Use.PLATFORM), (function, grant.sid)


def test_only_what_the_state_machine_calls_is_named_and_the_function_with_the_way_out_has_no_table():
    actions = {
        function: {action for grant in grants for action in grant.actions} for function, grants in PERMISSIONS.items()
    }

    assert not any(action.startswith(("dynamodb:", "s3:", "states:")) for action in actions["hooks"])
    assert not any(action.startswith("secretsmanager:") for action in actions["steps"] | actions["events"])


def test_everything_is_logged_for_a_time_that_ends(template: Template):
    groups = template.all_of("AWS::Logs::LogGroup")

    assert {each["RetentionInDays"] for each in groups.values()} == {90}
    assert all("KmsKeyId" in each for each in groups.values())
    names = {each["LogGroupName"] for each in groups.values()}
    assert {f"/aws/lambda/{deployed(each.name, STAGE)}" for each in HOTSWAP.functions} <= names


def test_what_fails_in_the_background_is_kept(template: Template):
    for name in ("Events", "Hooks", "Sweeps"):
        config = template.content["Resources"][name]["Properties"]["EventInvokeConfig"]
        assert config["DestinationConfig"]["OnFailure"]["Type"] == "SQS"


def test_the_gateway_answers_its_own_errors_in_our_shape(template: Template):
    body = template.one("AWS::Serverless::Api")["DefinitionBody"]
    answers = body["x-amazon-apigateway-gateway-responses"]

    for name, answer in answers.items():
        said = json.loads(answer["responseTemplates"]["application/json"])
        assert set(said) == {"type", "title", "status", "detail", "instance", "requestId", "errors"}, name
        assert answer["responseParameters"]["gatewayresponse.header.Content-Type"] == "'application/problem+json'"
    assert answers["THROTTLED"]["responseParameters"]["gatewayresponse.header.Retry-After"] == "'1'"
    assert {"DEFAULT_4XX", "DEFAULT_5XX", "WAF_FILTERED"} <= set(answers)


def test_the_gateway_limits_and_says_what_it_was_asked(template: Template):
    api = template.one("AWS::Serverless::Api")
    (method,) = api["MethodSettings"]

    assert method["ThrottlingRateLimit"] > 0
    assert method["ThrottlingBurstLimit"] > 0
    assert method["DataTraceEnabled"] is False
    assert not re.search("header|querystring", api["AccessLogSetting"]["Format"], re.I)
    assert api["MinimumCompressionSize"] == COMPRESSED_FROM_BYTES
    assert api["EndpointConfiguration"] == {"Type": "REGIONAL"} or api["EndpointConfiguration"] == "REGIONAL"


def test_each_operation_counts_against_the_limit_it_has_in_process(template: Template):
    acl = template.one("AWS::WAFv2::WebACL")
    rules = {each["Name"]: each["Statement"]["RateBasedStatement"] for each in acl["Rules"]}
    assert application.app.routes

    for spec in all_specs():
        path = "/api" + re.sub(r"\{[^}]*\}", "x1", spec.path)
        expected = limit_of(spec.operation_id, spec.method, spec.access)
        counted = [name for name, rule in rules.items() if _matches(rule["ScopeDownStatement"], spec.method, path)]
        assert counted == ([expected.name] if expected else []), (spec.method, spec.path)
        if expected:
            assert rules[expected.name]["Limit"] == expected.most
            assert rules[expected.name]["EvaluationWindowSec"] * 1_000 == expected.window_ms


def test_a_pattern_takes_its_own_paths_only():
    pattern = re.compile(path_pattern("/api/v1/approvals/deployments/{executionId}"))

    assert pattern.search("/api/api/v1/approvals/deployments/01J8ZQ")
    assert not pattern.search("/api/api/v1/approvals/deployments/01J8ZQ/approve")
    assert not pattern.search("/x/api/api/v1/approvals/deployments/01J8ZQ")


def test_every_alarm_tells_somebody_and_stands_in_the_operations_page(template: Template):
    alarms = template.all_of("AWS::CloudWatch::Alarm")
    page = (Path(__file__).parents[2] / "docs" / "operations.md").read_text()

    for alarm in alarms.values():
        assert alarm["AlarmActions"]
        assert alarm["OKActions"]
        assert f"`{alarm['AlarmName'].removeprefix(f'hotswap-{STAGE}-')}`" in page, alarm["AlarmName"]
    widgets = _widgets(template)
    assert len(widgets) == len(alarms) + len(MEASURES)


def test_alarms_and_dashboard_ask_for_what_the_program_writes_and_for_all_of_it(template: Template):
    written = {
        (str(measure), tuple(sorted({STAGE_DIMENSION: STAGE, **({shape.dimension: of} if of else {})}.items())))
        for measure, shape in MEASURES.items()
        for of in shape.values or ("",)
    }

    asked = {
        (each["MetricName"], tuple(sorted((one["Name"], one["Value"]) for one in each["Dimensions"])))
        for each in template.all_of("AWS::CloudWatch::Alarm").values()
        if each["Namespace"] == NAMESPACE
    }
    shown = {
        (name, tuple(sorted(zip(rest[::2], rest[1::2], strict=True))))
        for widget in _widgets(template)
        for namespace, name, *rest in widget["properties"]["metrics"]
        if namespace == NAMESPACE
    }
    assert asked
    assert asked <= written
    assert shown == written


def test_the_operations_page_lists_the_measures_as_they_are():
    page = (Path(__file__).parents[2] / "docs" / "operations.md").read_text()

    for measure, shape in MEASURES.items():
        by = f"`{shape.dimension}`" if shape.dimension else "–"
        assert f"| `{measure}` | {shape.unit} | {by} | {shape.meaning} |" in page, measure


@pytest.mark.parametrize(
    "alarm", alarms(HOTSWAP, Stage.from_context({"stage": STAGE}.get), ""), ids=lambda each: each.name
)
def test_each_alarm_says_what_to_do(alarm: Alarm):
    page = (Path(__file__).parents[2] / "docs" / "operations.md").read_text()
    section = page.partition("## Alarms")[2].partition("\n## ")[0]

    (row,) = [line for line in section.splitlines() if f"`{alarm.name}`" in line.partition(" | ")[0]]
    what_to_do = row.strip("| ").split(" | ", 2)[2]
    assert len(what_to_do.split()) >= 8, row


def test_nothing_is_traced_unless_the_context_says_so(template: Template):
    assert template.one("AWS::Serverless::Api")["TracingEnabled"] is False
    assert template.one("AWS::StepFunctions::StateMachine")["TracingConfiguration"] == {"Enabled": False}
    assert not any(each.get("Tracing") == "Active" for each in template.all_of("AWS::Serverless::Function").values())
    assert "xray:" not in json.dumps(template.content)
    assert Stage.from_context({"tracing": "on"}.get).is_traced


def _widgets(template: Template) -> list[dict[str, Any]]:
    body = template.one("AWS::CloudWatch::Dashboard")["DashboardBody"]
    found: list[dict[str, Any]] = json.loads(re.sub(r"\$\{[^}]*\}", "x", _text(body)))["widgets"]
    return found


@pytest.mark.parametrize(
    ("context", "rule"),
    [
        ({"stage": "local"}, "stage 'local'"),
        ({"stage": "Prod"}, "stage 'Prod'"),
        ({"stage": "production-eu"}, "stage 'production-eu'"),
        ({"alarmEmail": "nobody"}, "alarmEmail 'nobody'"),
        ({"tracing": "yes"}, "tracing 'yes'"),
    ],
)
def test_a_context_that_makes_no_sense_is_refused_by_name(context, rule):
    with pytest.raises(ValueError, match=rule):
        Stage.from_context(context.get)


def test_a_stage_named_anew_is_as_safe_as_production():
    dev, other = (Stage.from_context({"stage": name}.get) for name in ("dev", "trial"))

    assert (dev.keeps_data, dev.has_firewall) == (False, False)
    assert (other.keeps_data, other.has_firewall) == (True, True)


@pytest.mark.parametrize("every_s", [0, 30, 90])
def test_a_schedule_that_eventbridge_cannot_keep_is_refused(every_s):
    with pytest.raises(ValueError, match="whole minutes"):
        rate(every_s)


def _by_name(items: list[dict[str, Any]], key: str) -> list[dict[str, Any]]:
    return sorted(items, key=lambda each: each[key])


def _text(value: Any) -> str:
    """What a value will be, with references left as their names."""
    if isinstance(value, dict):
        if "Fn::Join" in value:
            return value["Fn::Join"][0].join(_text(each) for each in value["Fn::Join"][1])
        return "${" + str(next(iter(value.values()))) + "}" if "Fn::Sub" not in value else str(value["Fn::Sub"])
    return str(value)


def _matches(statement: dict[str, Any], method: str, path: str) -> bool:
    """Whether a firewall's statement is true of a request."""
    ((kind, told),) = statement.items()
    if kind == "AndStatement":
        return all(_matches(each, method, path) for each in told["Statements"])
    if kind == "OrStatement":
        return any(_matches(each, method, path) for each in told["Statements"])
    if kind == "NotStatement":
        return not _matches(told["Statement"], method, path)
    if kind == "ByteMatchStatement":
        return bool(told["SearchString"] == method)
    assert kind == "RegexMatchStatement"
    return re.search(told["RegexString"], path) is not None
