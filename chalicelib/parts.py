"""What a program is put together from: each part is made once, when it is first asked for, and may be replaced."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

T = TypeVar("T")

_lock = threading.RLock()
_names: set[str] = set()
_made: dict[str, Any] = {}
_installed: dict[str, Any] = {}


def part(make: Callable[[], T]) -> Callable[[], T]:
    """The decorated function makes a part; calling it gives the part, the same one every time, in every thread."""
    name = make.__name__
    _names.add(name)

    @wraps(make)
    def get() -> T:
        found = _made.get(name)
        if found is not None:
            return cast(T, found)
        with _lock:
            if name not in _made:
                _made[name] = _installed[name] if name in _installed else make()
            return cast(T, _made[name])

    return get


def later(get: Callable[[], T]) -> T:
    """The part, made when it is first asked for something: a cold start makes nothing that it does not use."""
    name = get.__name__
    return cast(T, _installed[name] if name in _installed else _Later(get))


def install(**replacements: Any) -> None:
    """Use these from now on instead of what would be made.

    What was made before is forgotten, so that nothing goes on with what has been replaced; AWS clients are kept.

    Raises:
        TypeError: there is no such part.
    """
    unknown = set(replacements) - _names
    if unknown:
        raise TypeError(f"nothing is called {', '.join(sorted(unknown))}; there are {', '.join(sorted(_names))}")
    with _lock:
        _installed.update(replacements)
        for name in set(_made) - ({"clients"} - set(replacements)):
            del _made[name]


def reset() -> None:
    """Forget everything that was installed and made; the next call makes it anew from the environment."""
    with _lock:
        _installed.clear()
        _made.clear()


class _Later:
    """Stands for a part until somebody asks it for something."""

    def __init__(self, get: Callable[[], Any]) -> None:
        self._get = get

    def __getattr__(self, name: str) -> Any:
        return getattr(self._get(), name)
