"""Every error has a status, and the body docs/contracts/control.md promises."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import chalicelib.domain.artifact
import chalicelib.domain.histogram
import chalicelib.domain.metrics
import chalicelib.domain.waiting  # noqa: F401  # all of them have errors
from chalicelib.domain.errors import DomainError, IllegalTransition, InvalidInput, Violation
from chalicelib.routes.problems import KINDS, RequestRefused, problem_of

CONTRACT = Path(__file__).parents[2] / "docs" / "contracts" / "control.md"


def descendants(kind: type[DomainError]) -> Iterator[type[DomainError]]:
    for child in kind.__subclasses__():
        yield child
        yield from descendants(child)


def ours() -> list[type[DomainError]]:
    return [each for each in descendants(DomainError) if each.__module__.startswith("chalicelib.")]


def test_every_domain_error_has_a_status() -> None:
    without = [each for each in ours() if not any(ancestor in KINDS for ancestor in each.__mro__)]

    assert without == [RequestRefused]


def test_every_error_of_the_error_file_has_an_entry_of_its_own() -> None:
    of_the_file = {each for each in ours() if each.__module__ == "chalicelib.domain.errors"}

    assert of_the_file <= set(KINDS)


def test_a_problem_has_the_fields_of_the_contract() -> None:
    example = next(
        block for block in re.findall(r"```json\n(.*?)```", CONTRACT.read_text(), re.DOTALL) if "/problems/" in block
    )

    _, body = problem_of(InvalidInput(Violation("moduleName", "is required")), instance="/x", request_id="1")

    assert list(body) == list(json.loads(example))
    assert list(body["errors"][0]) == list(json.loads(example)["errors"][0])


def test_an_illegal_transition_names_the_state() -> None:
    status, body = problem_of(IllegalTransition("Completed", "cancel"), instance="/x", request_id="1")

    assert (status, body["type"], body["currentStatus"]) == (409, "/problems/illegal-transition", "Completed")


def test_the_contract_lists_every_kind_of_problem_we_answer() -> None:
    listed = set(re.findall(r"`([a-z-]+)`", CONTRACT.read_text().partition("| status | type ends in |")[2]))

    assert {kind.name for kind in KINDS.values()} - listed <= {"artifact-refused"}
