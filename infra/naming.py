"""What the resources of an installation are called: as in `resources.py` on one's own machine, with the stage in AWS.

Names are fixed, so that permissions can name them before they exist and nothing has to be looked up.
"""

from __future__ import annotations

PREFIX = "hotswap"
LIVE = "live"
"""The alias of the state machine that new deployments start with."""


def deployed(name: str, stage: str) -> str:
    """The name in AWS: `hotswap-audit` is `hotswap-prod-audit`, `api` is `hotswap-prod-api`."""
    rest = name.removeprefix(PREFIX)
    if rest == name:
        return f"{PREFIX}-{stage}-{name}"
    return f"{PREFIX}-{stage}{rest}"


def deployed_bucket(name: str, stage: str) -> str:
    """A bucket's name is one in the world, so the account and the region are in it; for Fn::Sub."""
    return f"{deployed(name, stage)}-${{AWS::AccountId}}-${{AWS::Region}}"
