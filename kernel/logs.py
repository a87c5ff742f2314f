"""One event name and its fields per line; never a credential, a token or a body."""

import json
import logging

_LOGGER = logging.getLogger("kernel")


def log(event: str, **fields: object) -> None:
    """Write one event to the log."""
    if _LOGGER.isEnabledFor(logging.INFO):
        _LOGGER.info(json.dumps({"event": event} | fields, default=str))
