"""Implements DeadLetters on an SQS queue."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.domain.errors import Unavailable

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


class SqsDeadLetters:
    """One queue; a message is `{"reason": …, "event": …}`."""

    def __init__(self, client: SQSClient, queue_url: str) -> None:
        self._client = client
        self._queue_url = queue_url

    def put(self, event: Mapping[str, Any], *, reason: Mapping[str, Any]) -> None:
        """Keep the event as it came, and why it was refused.

        Raises:
            Unavailable: SQS does not take it; deliver the event again.
        """
        body = json.dumps({"reason": dict(reason), "event": dict(event)})
        try:
            self._client.send_message(QueueUrl=self._queue_url, MessageBody=body)
        except (ClientError, BotoCoreError) as error:
            raise Unavailable("The dead-letter queue does not take messages.") from error
