"""The world of the stories, for faults behind the adapters."""

from tests.stories.conftest import world

__all__ = ["world"]
