"""The environments and their order."""

from __future__ import annotations

import pytest

from chalicelib.domain.environment import Environment


def test_the_order_of_promotion_is_development_qa_staging_production() -> None:
    assert [str(environment) for environment in Environment] == ["Development", "QA", "Staging", "Production"]
    assert [environment.rank for environment in Environment] == [0, 1, 2, 3]


@pytest.mark.parametrize("environment", Environment)
def test_a_path_passes_every_lower_environment_and_ends_in_the_target(environment: Environment) -> None:
    path = environment.path()

    assert path[-1] is environment
    assert list(path) == [lower for lower in Environment if lower.rank <= environment.rank]
