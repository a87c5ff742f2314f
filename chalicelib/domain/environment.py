"""The environments, in promotion order."""

from __future__ import annotations

from enum import StrEnum


class Environment(StrEnum):
    """Where a module version may run. Order of definition is order of promotion."""

    DEVELOPMENT = "Development"
    QA = "QA"
    STAGING = "Staging"
    PRODUCTION = "Production"

    @property
    def rank(self) -> int:
        """0 for the first environment a version passes."""
        return list(Environment).index(self)

    def path(self) -> tuple[Environment, ...]:
        """Every environment a deployment to this one passes, itself last."""
        return tuple(list(Environment)[: self.rank + 1])
