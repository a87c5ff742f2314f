"""The headers every answer carries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

ALLOWED_HEADERS = "Authorization,Content-Type,Idempotency-Key,If-Match,X-Correlation-Id"
EXPOSED_HEADERS = "Location,ETag,Retry-After,X-Request-Id,RateLimit-Limit,RateLimit-Remaining,RateLimit-Reset"


def security_headers() -> dict[str, str]:
    """What tells browsers to trust the answer with nothing. Answers may hold tokens, so none is kept."""
    return {
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
        "Strict-Transport-Security": "max-age=63072000; includeSubDomains",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Cache-Control": "no-store",
    }


def cors_headers(event: Mapping[str, Any], origins: frozenset[str]) -> dict[str, str]:
    """What lets the script of an allowed site read the answer; nothing for any other."""
    if not origins:
        return {}
    headers = event.get("headers") or {}
    origin = next((value for name, value in headers.items() if name.lower() == "origin"), "")
    if origin not in origins:
        return {"Vary": "Origin"}
    return {"Vary": "Origin", "Access-Control-Allow-Origin": origin, "Access-Control-Expose-Headers": EXPOSED_HEADERS}


def preflight_headers(event: Mapping[str, Any], origins: frozenset[str], methods: str) -> dict[str, str]:
    """The answer to a browser's question before it sends a request; the same for everybody, but for the origin."""
    allowed = cors_headers(event, origins)
    if "Access-Control-Allow-Origin" in allowed:
        allowed |= {
            "Access-Control-Allow-Methods": methods,
            "Access-Control-Allow-Headers": ALLOWED_HEADERS,
            "Access-Control-Max-Age": "600",
        }
    return allowed
