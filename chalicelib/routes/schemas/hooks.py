"""Bodies of hooks and webhooks. Source: docs/hooks-and-events.md, docs/contracts/webhooks.md."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from chalicelib.domain.errors import DestinationRefused, InvalidInput, Violation
from chalicelib.domain.hook import FUNCTION_NAME, HookCall, HookStatus, HookTarget, StageHooks
from chalicelib.domain.outbound import destination_of, shown_address
from chalicelib.domain.timeline import EventType
from chalicelib.domain.webhook import EVERY_TYPE, Delivery, Webhook
from chalicelib.routes.fields import Instant, ModuleName, iso, iso_or_none, matching, one_of
from chalicelib.routes.validation import Answered, Received, broken_inside
from chalicelib.usecases.webhooks import WebhookRequest

FUNCTION_RULE = "must be the name of a function that begins with hotswap-hook-"
EVENT_RULE = "must be * or the type of an event"

Url = Annotated[str, Field(min_length=1, max_length=2_000)]
OneEventType = Annotated[str, matching(EVENT_RULE, lambda text: text == EVERY_TYPE or text in set(EventType))]


class HookTargetBody(Received):
    """Whom to ask: `url` or `function`, one of them. `timeoutSeconds` is how long until the outcome must be known."""

    url: Url | None = None
    function: Annotated[str, matching(FUNCTION_RULE, lambda text: FUNCTION_NAME.fullmatch(text) is not None)] | None = (
        None
    )
    timeout_seconds: Annotated[int, Field(ge=1, le=3_600)] = 300

    @model_validator(mode="after")
    def _names_one(self) -> Self:
        if (self.url is None) == (self.function is None):
            raise broken_inside(InvalidInput(Violation("url", "name either url or function")))
        return self

    def target(self) -> HookTarget:
        """The same for the domain."""
        return HookTarget(url=self.url or "", function=self.function or "", timeout_seconds=self.timeout_seconds)


class PutHooks(Received):
    """What the stages ask. A stage that is left out asks nothing, or what is said for every module."""

    build: HookTargetBody | None = None
    test: HookTargetBody | None = None
    validation: HookTargetBody | None = None

    def hooks(self, scope: str, *, loopback: bool) -> StageHooks:
        """The same for the use case.

        Raises:
            InvalidInput: an address may not be called.
        """
        given = {"build": self.build, "test": self.test, "validation": self.validation}
        check_urls({f"{name}.url": body.url for name, body in given.items() if body is not None}, loopback=loopback)
        build, test, validation = (None if body is None else body.target() for body in given.values())
        return StageHooks(scope=scope, build=build, test=test, validation=validation)


def check_urls(urls: dict[str, str | None], *, loopback: bool) -> None:
    """Nothing, if every URL may be called.

    Raises:
        InvalidInput: names each that may not, and the rule it breaks.
    """
    violations = []
    for field, url in urls.items():
        try:
            if url is not None:
                destination_of(url, loopback=loopback)
        except DestinationRefused as refused:
            violations.append(Violation(field, str(refused)))
    if violations:
        raise InvalidInput(*violations)


class TargetBody(Answered):
    """Whom a hook asks. Only who may change it is shown the path of the URL."""

    url: str | None
    function: str | None
    timeout_seconds: int


class HooksBody(Answered):
    """What the stages ask."""

    module_name: str | None
    build: TargetBody | None
    test: TargetBody | None
    validation: TargetBody | None
    changed_by: str
    changed_at: Instant | None


class CallbackBody(Received):
    """The outcome of a hook call."""

    status: Annotated[HookStatus, one_of(HookStatus)]
    message: Annotated[str, Field(max_length=2_000)] = ""

    @model_validator(mode="after")
    def _is_an_outcome(self) -> Self:
        if self.status not in (HookStatus.SUCCEEDED, HookStatus.FAILED):
            raise broken_inside(InvalidInput(Violation("status", "must be Succeeded or Failed")))
        return self


class HookCallBody(Answered):
    """A call to a hook and what came of it."""

    call_id: str
    point: str
    target: str
    status: str
    message: str
    asked_at: Instant
    deadline: Instant
    ended_at: Instant | None


class RotateSecret(Received):
    """How long the secret before stays valid."""

    overlap_seconds: Annotated[int, Field(ge=0, le=7 * 24 * 3600)] = 24 * 3600


class SecretBody(Answered):
    """A secret to verify our messages with; shown now and never again."""

    secret: str


class AddWebhook(Received):
    """Which events to tell to which URL."""

    url: Url
    event_types: Annotated[list[OneEventType], Field(min_length=1, max_length=50)]
    module_name: ModuleName | None = None
    description: Annotated[str, Field(max_length=1_000)] = ""

    def request(self, *, loopback: bool) -> WebhookRequest:
        """The same for the use case.

        Raises:
            InvalidInput: the address may not be called.
        """
        check_urls({"url": self.url}, loopback=loopback)
        return WebhookRequest(
            url=self.url,
            event_types=tuple(dict.fromkeys(self.event_types)),
            module=self.module_name or "",
            description=self.description,
        )


class WebhookBody(Answered):
    """A webhook. Only who may change it is shown the path of the URL."""

    webhook_id: str
    url: str
    event_types: list[str]
    module_name: str | None
    description: str
    created_by: str
    created_at: Instant


class AddedWebhook(WebhookBody):
    """A new webhook, and the secret to verify its messages with; it is shown now and never again."""

    secret: str


class WebhookList(Answered):
    """Every webhook."""

    webhooks: list[WebhookBody]


class DeliveryBody(Answered):
    """One event for a webhook."""

    event_id: str
    event_type: str
    status: str
    attempts: int
    next_attempt_at: Instant | None
    message: str
    created_at: Instant
    ended_at: Instant | None


class DeliveryList(Answered):
    """The newest deliveries of a webhook."""

    deliveries: list[DeliveryBody]


def target_body(target: HookTarget | None, *, whole: bool = False) -> TargetBody | None:
    """Whom a hook asks; the URL with its path if it is shown `whole`."""
    if target is None:
        return None
    url = target.url if whole or not target.url else shown_address(target.url)
    return TargetBody(url=url or None, function=target.function or None, timeout_seconds=target.timeout_seconds)


def hooks_body(hooks: StageHooks, module: str | None, *, whole: bool = False) -> HooksBody:
    """What the stages ask; URLs with their paths if they are shown `whole`."""
    return HooksBody(
        module_name=module,
        build=target_body(hooks.build, whole=whole),
        test=target_body(hooks.test, whole=whole),
        validation=target_body(hooks.validation, whole=whole),
        changed_by=hooks.changed_by,
        changed_at=iso(hooks.changed_at_ms) if hooks.changed_at_ms else None,
    )


def hook_call_body(identity: str, call: HookCall) -> HookCallBody:
    """A call to a hook."""
    return HookCallBody(
        call_id=identity,
        point=str(call.point),
        target=str(call.target),
        status=str(call.status),
        message=call.message,
        asked_at=iso(call.asked_at_ms),
        deadline=iso(call.deadline_ms),
        ended_at=iso_or_none(call.ended_at_ms),
    )


def webhook_body(webhook: Webhook, *, whole: bool = False) -> WebhookBody:
    """A webhook; the URL with its path if it is shown `whole`."""
    return WebhookBody(**_webhook(webhook) | ({} if whole else {"url": shown_address(webhook.url)}))


def added_webhook(webhook: Webhook, secret: str) -> AddedWebhook:
    """A new webhook with its secret."""
    return AddedWebhook(**_webhook(webhook), secret=secret)


def _webhook(webhook: Webhook) -> dict[str, object]:
    return {
        "webhook_id": webhook.id,
        "url": webhook.url,
        "event_types": list(webhook.event_types),
        "module_name": webhook.module or None,
        "description": webhook.description,
        "created_by": webhook.created_by,
        "created_at": iso(webhook.created_at_ms),
    }


def delivery_body(delivery: Delivery) -> DeliveryBody:
    """One event for a webhook."""
    return DeliveryBody(
        event_id=delivery.event_id,
        event_type=delivery.event_type,
        status=str(delivery.status),
        attempts=delivery.attempt,
        next_attempt_at=iso(delivery.due_at_ms) if delivery.is_pending else None,
        message=delivery.message,
        created_at=iso(delivery.created_at_ms),
        ended_at=iso_or_none(delivery.ended_at_ms),
    )
