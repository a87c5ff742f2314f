"""What changed in the API since the last release: `python -m infra.api_changes`; with `--release`, today's becomes it.

A change is breaking when a program that was right yesterday may fail today: something it calls or reads is gone, or
something it sends is refused. Breaking changes are reported; they do not fail, they are for the changelog.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parents[1] / "docs"
TODAY = HERE / "openapi.json"
RELEASED = HERE / "openapi.released.json"

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Change:
    """One difference, in a sentence."""

    is_breaking: bool
    where: str
    what: str


def changes(old: Document, new: Document) -> tuple[Change, ...]:
    """Every difference that a caller could notice, breaking ones first."""
    before, after = _operations(old), _operations(new)
    found = [Change(True, route, "is gone") for route in before.keys() - after.keys()]
    found += [Change(False, route, "is new") for route in after.keys() - before.keys()]
    for route in sorted(before.keys() & after.keys()):
        found += _operation(route, before[route], after[route], old, new)
    return tuple(sorted(set(found), key=lambda change: (not change.is_breaking, change.where, change.what)))


def _operations(document: Document) -> dict[str, Any]:
    return {
        f"{method.upper()} {path}": operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }


def _operation(route: str, old: Any, new: Any, before: Document, after: Document) -> Iterator[Change]:
    if old["operationId"] != new["operationId"]:
        yield Change(True, route, f"operation id {old['operationId']} became {new['operationId']}")
    yield from _parameters(route, old, new)
    old_body, new_body = _body(old.get("requestBody", {})), _body(new.get("requestBody", {}))
    if new_body is not None:
        if not old.get("requestBody", {}).get("required") and new["requestBody"].get("required"):
            yield Change(True, route, "needs a body now")
        if old_body is not None:
            yield from _sent(f"{route} body", old_body, new_body, before, after, ())
    for status in sorted(set(old["responses"]) - set(new["responses"])):
        if status.startswith("2"):
            yield Change(True, route, f"answers {status} no more")
    for status in sorted(set(old["responses"]) & set(new["responses"])):
        was, now = _body(old["responses"][status]), _body(new["responses"][status])
        if was is not None and now is not None:
            yield from _answered(f"{route} {status}", was, now, before, after, ())


def _parameters(route: str, old: Any, new: Any) -> Iterator[Change]:
    was = {(each["in"], each["name"]): each for each in old.get("parameters", [])}
    now = {(each["in"], each["name"]): each for each in new.get("parameters", [])}
    for place, name in sorted(was.keys() - now.keys()):
        yield Change(True, route, f"takes no {place} parameter {name} any more")
    for key in sorted(now.keys() - was.keys()):
        needed = bool(now[key].get("required"))
        yield Change(needed, route, f"{'needs' if needed else 'takes'} the {key[0]} parameter {key[1]}")
    for key in sorted(was.keys() & now.keys()):
        if now[key].get("required") and not was[key].get("required"):
            yield Change(True, route, f"needs the {key[0]} parameter {key[1]} now")


def _body(part: Any) -> Any:
    for content in part.get("content", {}).values():
        return content.get("schema") or None
    return None


def _sent(where: str, old: Any, new: Any, before: Document, after: Document, seen: tuple[str, ...]) -> Iterator[Change]:
    """What callers send: refusing what was taken breaks them."""
    path = f"{old.get('$ref')} {new.get('$ref')}"
    if "$ref" in old and path in seen:
        return
    was, now = _resolved(old, before), _resolved(new, after)
    fields_was, fields_now = was.get("properties", {}), now.get("properties", {})
    for name in sorted(fields_was.keys() - fields_now.keys()):
        yield Change(True, where, f"field {name} is refused now")
    for name in sorted(set(now.get("required", [])) - set(was.get("required", []))):
        yield Change(True, where, f"field {name} is required now")
    for name in sorted(fields_now.keys() - fields_was.keys() - set(now.get("required", []))):
        yield Change(False, where, f"takes the field {name}")
    yield from _narrowed(where, was, now)
    for name in sorted(fields_was.keys() & fields_now.keys()):
        yield from _sent(f"{where}.{name}", fields_was[name], fields_now[name], before, after, (*seen, path))


def _answered(
    where: str, old: Any, new: Any, before: Document, after: Document, seen: tuple[str, ...]
) -> Iterator[Change]:
    """What callers read: what is gone, or may be null, breaks them."""
    path = f"{old.get('$ref')} {new.get('$ref')}"
    if "$ref" in old and path in seen:
        return
    was, now = _resolved(old, before), _resolved(new, after)
    fields_was, fields_now = was.get("properties", {}), now.get("properties", {})
    for name in sorted(fields_was.keys() - fields_now.keys()):
        yield Change(True, where, f"field {name} is gone")
    for name in sorted(fields_now.keys() - fields_was.keys()):
        yield Change(False, where, f"tells {name}")
    if was.get("type") != now.get("type") and "anyOf" not in was and "anyOf" not in now:
        yield Change(True, where, f"is {now.get('type')}, was {was.get('type')}")
    if _may_be_null(now) and not _may_be_null(was):
        yield Change(True, where, "may be null now")
    for name in sorted(fields_was.keys() & fields_now.keys()):
        yield from _answered(f"{where}.{name}", fields_was[name], fields_now[name], before, after, (*seen, path))
    if "items" in was and "items" in now:
        yield from _answered(f"{where}[]", was["items"], now["items"], before, after, (*seen, path))


def _narrowed(where: str, was: Any, now: Any) -> Iterator[Change]:
    for value in was.get("enum", []):
        if "enum" in now and value not in now["enum"]:
            yield Change(True, where, f"refuses {value} now")
    for name, tighter in (
        ("maxLength", min),
        ("maximum", min),
        ("maxItems", min),
        ("minLength", max),
        ("minimum", max),
    ):
        if (
            name in now
            and now[name] != was.get(name)
            and (name not in was or tighter(was[name], now[name]) == now[name])
        ):
            yield Change(True, where, f"{name} is {now[name]}, was {was.get(name, 'open')}")


def _may_be_null(schema: Any) -> bool:
    return schema.get("type") == "null" or any(_may_be_null(each) for each in schema.get("anyOf", []))


def _resolved(schema: Any, document: Document) -> Any:
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema


def main(arguments: list[str]) -> int:
    """0; the report goes to standard output."""
    new = json.loads(TODAY.read_text())
    if "--release" in arguments:
        RELEASED.write_text(json.dumps(_bare(new), separators=(",", ":"), sort_keys=True, ensure_ascii=False) + "\n")
        return 0
    found = changes(json.loads(RELEASED.read_text()), new)
    breaking = [change for change in found if change.is_breaking]
    for change in breaking:
        print(f"BREAKING {change.where}: {change.what}")
    print(f"since the last release: {len(breaking)} breaking changes of the API, {len(found) - len(breaking)} others")
    return 0


def _bare(value: Any) -> Any:
    """A document without what tells people something and promises programs nothing."""
    if isinstance(value, dict):
        told = {"description", "summary", "examples", "example"}
        return {
            name: _bare(each)
            for name, each in value.items()
            if name not in told or not isinstance(each, str | list) or name in ("title",)
        }
    return [_bare(each) for each in value] if isinstance(value, list) else value


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
