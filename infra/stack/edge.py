"""What stands before the API: limits, a firewall, access logs, and errors in our shape where the gateway answers."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

import aws_cdk as cdk
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_wafv2 as waf
from constructs import Construct

from chalicelib.domain.rate import RateLimit
from chalicelib.routes.limits import POLL, PUBLIC, READ, SIGN_IN, WRITE
from chalicelib.routes.problems import MEDIA_TYPE, kind_of_status
from chalicelib.routes.response_headers import security_headers
from infra.naming import deployed
from infra.resources import COMPRESSED_FROM_BYTES
from infra.stack.firewall import rules
from infra.stack.functions import REST_API, Functions
from infra.stack.stage import Stage
from infra.stack.storage import Storage

LIMITS: Final = (SIGN_IN, PUBLIC, POLL, READ, WRITE)

ANSWERS: Final[Mapping[str, tuple[int, str]]] = {
    "BAD_REQUEST_BODY": (400, "The body cannot be read."),
    "BAD_REQUEST_PARAMETERS": (400, "A parameter cannot be read."),
    "DEFAULT_4XX": (400, "The gateway refused the request."),
    "ACCESS_DENIED": (403, "Not allowed."),
    "MISSING_AUTHENTICATION_TOKEN": (403, "Missing Authentication Token"),
    "RESOURCE_NOT_FOUND": (404, "There is no such resource."),
    "REQUEST_TOO_LARGE": (413, "Request Too Long"),
    "UNSUPPORTED_MEDIA_TYPE": (415, "The gateway does not know this media type."),
    "THROTTLED": (429, "There are more requests than this installation takes at once."),
    "QUOTA_EXCEEDED": (429, "There are more requests than this installation takes."),
    "WAF_FILTERED": (429, "There are more requests of this kind from you than this installation takes."),
    "DEFAULT_5XX": (500, "The gateway failed."),
    "INTEGRATION_FAILURE": (504, "The function could not be called."),
    "INTEGRATION_TIMEOUT": (504, "The function did not answer in time."),
}
"""The gateway's own answers: type, status and detail."""

_WAITS: Final = {"Retry-After": "1"}


class Edge(Construct):
    """Everything between the internet and the function `api`."""

    def __init__(self, scope: Construct, stage: Stage, storage: Storage, functions: Functions) -> None:
        super().__init__(scope, "Edge")
        api: cdk.CfnResource = functions.chalice.get_resource(REST_API)
        group = logs.LogGroup(
            self,
            "AccessLogs",
            log_group_name=f"/aws/apigateway/{deployed('api', stage.name)}",
            retention=logs.RetentionDays.THREE_MONTHS if stage.keeps_data else logs.RetentionDays.TWO_WEEKS,
            encryption_key=storage.key,
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        account = self._may_write_logs()
        api.node.add_dependency(account)
        api.add_property_override("Name", deployed("api", stage.name))
        api.add_property_override("TracingEnabled", stage.is_traced)
        api.add_property_override("MinimumCompressionSize", COMPRESSED_FROM_BYTES)
        api.add_property_override(
            "AccessLogSetting", {"DestinationArn": group.log_group_arn, "Format": json.dumps(_ACCESS_LOG)}
        )
        api.add_property_override(
            "MethodSettings",
            [
                {
                    "ResourcePath": "/*",
                    "HttpMethod": "*",
                    "MetricsEnabled": True,
                    "LoggingLevel": "ERROR",
                    "DataTraceEnabled": False,
                    "ThrottlingRateLimit": stage.requests_per_second,
                    "ThrottlingBurstLimit": stage.requests_per_second,
                }
            ],
        )
        api.add_property_override("DefinitionBody.x-amazon-apigateway-gateway-responses", gateway_responses())
        if stage.has_firewall:
            self._firewall(stage)

    def _may_write_logs(self) -> apigateway.CfnAccount:
        """The one setting of API Gateway for the whole account and region; it stays when the stack goes."""
        role = iam.Role(
            self,
            "LogsRole",
            assumed_by=iam.ServicePrincipal("apigateway.amazonaws.com"),
            managed_policies=[
                iam.ManagedPolicy.from_aws_managed_policy_name("service-role/AmazonAPIGatewayPushToCloudWatchLogs")
            ],
        )
        role.apply_removal_policy(cdk.RemovalPolicy.RETAIN)
        account = apigateway.CfnAccount(self, "Account", cloud_watch_role_arn=role.role_arn)
        account.apply_removal_policy(cdk.RemovalPolicy.RETAIN)
        return account

    def _firewall(self, stage: Stage) -> None:
        body = json.dumps(_problem("WAF_FILTERED", *ANSWERS["WAF_FILTERED"], request_id="", instance=""))
        acl = waf.CfnWebACL(
            self,
            "Firewall",
            name=deployed("api", stage.name),
            scope="REGIONAL",
            default_action=waf.CfnWebACL.DefaultActionProperty(allow={}),
            visibility_config=_seen(deployed("api", stage.name)),
            custom_response_bodies={
                "tooMany": waf.CfnWebACL.CustomResponseBodyProperty(content=body, content_type="APPLICATION_JSON")
            },
            rules=[self._rule(number, limit, scope) for number, (limit, scope) in enumerate(rules())],
        )
        # The stage that SAM makes for the API; naming it makes it exist first.
        api_arn = cdk.Fn.join(
            "",
            [
                f"arn:{cdk.Aws.PARTITION}:apigateway:{cdk.Aws.REGION}::/restapis/",
                cdk.Token.as_string({"Ref": REST_API}),
                "/stages/",
                cdk.Token.as_string({"Ref": f"{REST_API}.Stage"}),
            ],
        )
        waf.CfnWebACLAssociation(self, "Before", resource_arn=api_arn, web_acl_arn=acl.attr_arn)

    def _rule(self, number: int, limit: RateLimit, scope: Mapping[str, Any]) -> Any:
        by_address = limit in (SIGN_IN, PUBLIC)
        counted: dict[str, Any] = {
            "limit": limit.most,
            "evaluationWindowSec": limit.window_ms // 1_000,
            "scopeDownStatement": scope,
        }
        if by_address:
            counted["aggregateKeyType"] = "IP"
        else:
            text = [{"priority": 0, "type": "NONE"}]
            counted["aggregateKeyType"] = "CUSTOM_KEYS"
            counted["customKeys"] = [{"header": {"name": "authorization", "textTransformations": text}}]
        return {
            "name": limit.name,
            "priority": number,
            "action": {
                "block": {
                    "customResponse": {
                        "responseCode": 429,
                        "customResponseBodyKey": "tooMany",
                        "responseHeaders": [{"name": "Retry-After", "value": str(limit.window_ms // 1_000)}],
                    }
                }
            },
            "statement": {"rateBasedStatement": counted},
            "visibilityConfig": {
                "cloudWatchMetricsEnabled": True,
                "metricName": limit.name,
                "sampledRequestsEnabled": False,
            },
        }


def gateway_responses() -> dict[str, Any]:
    """The gateway's own errors, in the shape and with the headers of ours."""
    answers = {}
    for name, (status, detail) in ANSWERS.items():
        headers = {**security_headers(), **(_WAITS if status == 429 else {})}
        parameters = {f"gatewayresponse.header.{key}": f"'{value}'" for key, value in _plain(headers).items()}
        parameters["gatewayresponse.header.Content-Type"] = f"'{MEDIA_TYPE}'"
        parameters["gatewayresponse.header.X-Request-Id"] = "context.requestId"
        template = json.dumps(_problem(name, status, detail, request_id="$context.requestId", instance="$context.path"))
        answers[name] = {
            # What the gateway found keeps its status; only these two have one of many.
            **({} if name.startswith("DEFAULT") else {"statusCode": status}),
            "responseParameters": parameters,
            "responseTemplates": {"application/json": template},
        }
    return answers


def _problem(name: str, status: int, detail: str, *, request_id: str, instance: str) -> dict[str, Any]:
    kind = kind_of_status(status)
    told = {
        "type": f"/problems/{kind.name}",
        "title": kind.status.phrase,
        "status": int(kind.status),
        "detail": detail,
        "instance": instance,
        "requestId": request_id,
        "errors": [],
    }
    if name.startswith("DEFAULT"):
        told |= {"type": "about:blank", "title": "$context.error.responseType", "detail": "$context.error.message"}
    return told


def _plain(headers: Mapping[str, str]) -> dict[str, str]:
    """A value stands between single quotes in a response parameter, so those within are left to the functions."""
    return {name: value for name, value in headers.items() if not re.search("'", value)}


def _seen(name: str) -> waf.CfnWebACL.VisibilityConfigProperty:
    return waf.CfnWebACL.VisibilityConfigProperty(
        cloud_watch_metrics_enabled=True, metric_name=name, sampled_requests_enabled=False
    )


_ACCESS_LOG: Final = {
    "requestId": "$context.requestId",
    "method": "$context.httpMethod",
    "resource": "$context.resourcePath",
    "status": "$context.status",
    "latencyMs": "$context.responseLatency",
    "bytes": "$context.responseLength",
    "address": "$context.identity.sourceIp",
    "error": "$context.error.responseType",
    "firewall": "$context.wafResponseCode",
}
"""Neither query nor headers: they may hold secrets."""
