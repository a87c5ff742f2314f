"""A noun of the API and its routes: a blueprint that any number of apps may serve."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable
from typing import Any, Final

from chalice.app import Blueprint, Chalice

NOUNS: Final = (
    "authentication",
    "users",
    "issuers",
    "modules",
    "configurations",
    "signing_keys",
    "deployments",
    "approvals",
    "delegations",
    "approval_links",
    "line",
    "clusters",
    "nodes",
    "audit",
    "hooks",
    "webhooks",
    "deploy_rules",
    "health",
    "console",
)
"""The modules of this package that serve routes, in the order of the API's description."""


def blueprints(names: Iterable[str] = NOUNS) -> list[Noun]:
    """The blueprints of these nouns, whose modules are imported for it."""
    return [importlib.import_module(f"chalicelib.routes.{name}").bp for name in names]


class Noun(Blueprint):
    """Chalice's own blueprint empties its routes' options when it is registered, and so can serve one app only."""

    def __init__(self, import_name: str) -> None:
        super().__init__(import_name)
        self._routes: list[tuple[str, str, Callable[..., Any]]] = []

    def serve(self, path: str, method: str, view: Callable[..., Any]) -> None:
        """Let the view answer `method path` in every app this is registered on."""
        self._routes.append((path, method, view))

    def register(self, app: Chalice, options: dict[str, Any]) -> None:
        """Called by `app.register_blueprint`."""
        super().register(app, options)
        for path, method, view in self._routes:
            app.route(path, methods=[method])(view)
