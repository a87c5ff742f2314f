"""Sessions that read botocore's service models once per process: half a second less for each cloud that starts."""

from __future__ import annotations

import functools
from typing import Any

import boto3
import botocore.session


@functools.lru_cache(maxsize=1)
def _models() -> Any:
    return botocore.session.Session().get_component("data_loader")


def core_session_with_shared_models() -> botocore.session.Session:
    """A new session: its own credentials and handlers, the service models of all the others."""
    session = botocore.session.get_session()
    session.register_component("data_loader", _models())
    return session


def session_with_shared_models() -> boto3.Session:
    """The same for boto3."""
    return boto3.Session(botocore_session=core_session_with_shared_models())
