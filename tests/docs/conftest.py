"""Pages whose samples run in a world of the stories."""

from tests.stories.conftest import world

__all__ = ["world"]
