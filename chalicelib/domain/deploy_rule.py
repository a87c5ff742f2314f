"""Deploy rules: when a version of a module appears, bring it to an environment. Never back to an older one."""

from __future__ import annotations

from dataclasses import dataclass, replace

from chalicelib.domain.environment import Environment
from chalicelib.domain.module import precedence


@dataclass(frozen=True, slots=True, kw_only=True)
class DeployRule:
    """What follows when `module` appears in a new version. `newest` is the highest version it has acted on."""

    id: str
    module: str
    environment: Environment = Environment.DEVELOPMENT
    pre_releases: bool = True
    newest: str = ""
    created_by: str
    created_at_ms: int
    revision: int = 0

    @property
    def key(self) -> tuple[str, ...]:
        return (self.module, self.id)


def accepts(rule: DeployRule, version: str) -> bool:
    """Whether a version that appeared is to be deployed: one that is older than what was acted on came out of order."""
    is_pre_release = "-" in version.partition("+")[0]
    if is_pre_release and not rule.pre_releases:
        return False
    return not rule.newest or precedence(version) >= precedence(rule.newest)


def acted_on(rule: DeployRule, version: str) -> DeployRule:
    """The rule after it was decided that this version is deployed."""
    return rule if rule.newest == version else replace(rule, newest=version, revision=rule.revision + 1)
