"""One client for each service and process: made on first use, shared by all threads."""

from __future__ import annotations

import threading
from typing import Any

MOST_CONNECTIONS = 64
"""As many as the local server has threads; in Lambda one is used."""

USER_AGENT = "hotswap"


class AwsClients:
    """Clients by service name. botocore is imported with the first one, so a cold start pays only for what it uses; boto3
    would add nothing to a client but time.

    `session` is the botocore session that makes them; without one they have one of their own.
    """

    def __init__(self, session: Any = None) -> None:
        self._clients: dict[tuple[str, str | None], Any] = {}
        self._lock = threading.Lock()
        self._session = session

    def get(self, service: str, *, endpoint: str | None = None) -> Any:
        """The client of a service; `endpoint` where it is not AWS's own."""
        known = self._clients.get((service, endpoint))
        if known is not None:
            return known
        with self._lock:
            if (service, endpoint) not in self._clients:
                self._clients[service, endpoint] = self._make(service, endpoint)
            return self._clients[service, endpoint]

    def _make(self, service: str, endpoint: str | None) -> Any:
        from botocore.config import Config
        from botocore.session import get_session

        from chalicelib.adapters.plain_items import PlainItemParsers, PlainItemSerializer

        if self._session is None:
            self._session = get_session()
        # A session makes its parsers with the factory it has; ours leaves items as they come.
        self._session.register_component("response_parser_factory", PlainItemParsers())
        config = Config(
            connect_timeout=2,
            read_timeout=10,
            retries={"mode": "standard", "total_max_attempts": 3},
            max_pool_connections=MOST_CONNECTIONS,
            # AWS checks every parameter itself; checking them here too costs a twentieth of each call.
            parameter_validation=False,
            # Told in one word: putting the usual one together anew costs another twentieth.
            user_agent=USER_AGENT,
            signature_version="s3v4" if service == "s3" else None,
            s3={"addressing_style": "path"} if service == "s3" else None,
            # Links are signed before anybody knows the bytes; the digest is checked by whoever reads them.
            request_checksum_calculation="when_required",
        )
        client = self._session.create_client(service, endpoint_url=endpoint, config=config)
        if service == "dynamodb":
            # There is no factory of serializers to register.
            client._serializer = PlainItemSerializer()
        return client
