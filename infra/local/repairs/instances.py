"""What moto made and nothing uses any more is let go."""

# mypy: disable-error-code="attr-defined,misc"
# (moto is typed in parts)
from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from moto.core.common_models import BaseModel

_CLOSES_ITS_OWN = "moto.s3."
"""S3 finds the files of overwritten objects in its list, to close them at the end."""


@contextmanager
def models_are_let_go() -> Iterator[None]:
    """Repair: moto keeps a list of every instance of every model, for a page of its server that shows them. An item is
    one, and so is each copy of it: every write of the table made the process larger for ever, by the size of the item
    once or twice over, a hundred and more items for a deployment.
    """
    keep = BaseModel.__new__

    def make(cls: type[Any], *args: Any, **kwargs: Any) -> Any:
        if cls.__module__.startswith(_CLOSES_ITS_OWN):
            return keep(cls, *args, **kwargs)
        return super(BaseModel, cls).__new__(cls)

    with patch.object(BaseModel, "__new__", make):
        yield
