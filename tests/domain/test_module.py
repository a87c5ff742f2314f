"""Names, versions and digests of modules, and the text a signature covers."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.module import is_digest, is_module_name, is_version, signed_text

VALID = [
    "0.0.4",
    "1.2.3",
    "10.20.30",
    "1.1.2-prerelease+meta",
    "1.1.2+meta",
    "1.1.2+meta-valid",
    "1.0.0-alpha",
    "1.0.0-beta",
    "1.0.0-alpha.beta",
    "1.0.0-alpha.beta.1",
    "1.0.0-alpha.1",
    "1.0.0-alpha0.valid",
    "1.0.0-alpha.0valid",
    "1.0.0-rc.1+build.1",
    "2.0.0-rc.1+build.123",
    "1.2.3-beta",
    "10.2.3-DEV-SNAPSHOT",
    "1.2.3-SNAPSHOT-123",
    "1.0.0",
    "2.0.0",
    "1.1.7",
    "2.0.0+build.1848",
    "2.0.1-alpha.1227",
    "1.0.0-alpha+beta",
    "1.2.3----RC-SNAPSHOT.12.9.1--.12+788",
    "1.2.3----R-S.12.9.1--.12+meta",
    "1.2.3----RC-SNAPSHOT.12.9.1--.12",
    "1.0.0+0.build.1-rc.10000aaa-kk-0.1",
    "1.0.0-0A.is.legal",
]

INVALID = [
    "1",
    "1.2",
    "1.2.3-0123",
    "1.2.3-0123.0123",
    "1.1.2+.123",
    "+invalid",
    "-invalid",
    "-invalid+invalid",
    "-invalid.01",
    "alpha",
    "alpha.beta",
    "alpha.beta.1",
    "alpha.1",
    "alpha+beta",
    "alpha_beta",
    "alpha.",
    "alpha..",
    "beta",
    "1.0.0-alpha_beta",
    "-alpha.",
    "1.0.0-alpha..",
    "1.0.0-alpha..1",
    "1.0.0-alpha...1",
    "01.1.1",
    "1.01.1",
    "1.1.01",
    "1.2.3.DEV",
    "1.2-SNAPSHOT",
    "1.2.31.2.3----RC-SNAPSHOT.12.09.1--..12+788",
    "1.2-RC-SNAPSHOT",
    "-1.0.3-gamma+b7718",
    "+justmeta",
    "9.8.7+meta+meta",
    "9.8.7-whatever+meta+meta",
    "v1.0.0",
    "1.0.0-",
    "1.0.0+",
]


@pytest.mark.parametrize("text", VALID)
def test_what_semver_org_lists_as_valid_is_a_version(text: str) -> None:
    assert is_version(text)


@pytest.mark.parametrize("text", [*INVALID, "", " 1.0.0", "1.0.0 ", "1.0.0\n", "１.0.0", "1.0.0-ä"])
def test_what_semver_org_lists_as_invalid_is_none(text: str) -> None:
    assert not is_version(text)


@pytest.mark.parametrize(("length", "good"), [(128, True), (129, False)])
def test_a_version_has_at_most_128_characters(length: int, good: bool) -> None:
    assert is_version("1.0.0-" + "a" * (length - 6)) is good


@pytest.mark.parametrize("text", ["abc", "a-b", "payment-processor", "0a1", "a" * 64, "a--b"])
def test_three_to_64_lower_case_letters_digits_and_hyphens_are_a_module_name(text: str) -> None:
    assert is_module_name(text)


@pytest.mark.parametrize("text", ["", "ab", "a" * 65, "-ab", "ab-", "Abc", "a_b", "a.b", "abc\n", "äbc", "a/b", "a#b"])
def test_anything_else_is_no_module_name(text: str) -> None:
    assert not is_module_name(text)


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("sha256:" + "0" * 64, True),
        ("sha256:" + "0" * 63, False),
        ("sha256:" + "0" * 65, False),
        ("sha256:" + "A" * 64, False),
        ("sha1:" + "0" * 64, False),
        ("sha256:" + "0" * 64 + "\n", False),
    ],
)
def test_a_digest_is_sha256_and_64_lower_case_hexadecimal_digits(text: str, good: bool) -> None:
    assert is_digest(text) is good


def lines_executed(run: Callable[[], object]) -> int:
    """How much Python ran: a hostile text must not make the rule take more steps, only longer ones inside the engine."""
    counted = 0

    def count(frame: object, event: str, argument: object) -> object:
        nonlocal counted
        counted += 1
        return count

    before = sys.gettrace()
    sys.settrace(count)
    try:
        run()
    finally:
        sys.settrace(before)
    return counted


HOSTILE = ["1.0.0-" + "a." * 25_000, "1.0.0-" + "0" * 50_000, "1.0.0-" + "-" * 50_000 + "!", "a" + "-" * 50_000 + "!"]


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: text[:12])
@pytest.mark.parametrize("rule", [is_version, is_module_name, is_digest])
def test_fifty_thousand_hostile_characters_are_refused_in_a_handful_of_steps(
    rule: Callable[[str], bool], text: str
) -> None:
    assert lines_executed(lambda: rule(text)) < 20
    assert not rule(text)


@given(st.text(alphabet="01a-.+", max_size=40))
def test_a_version_is_exactly_what_the_grammar_of_semver_org_accepts(text: str) -> None:
    official = (
        r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-((?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)"
        r"(?:\.(?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*))*))?(?:\+([0-9a-zA-Z-]+(?:\.[0-9a-zA-Z-]+)*))?"
    )

    assert is_version(text) == (re.fullmatch(official, text, re.ASCII) is not None)


def test_the_signed_text_is_the_one_of_the_contract() -> None:
    digest = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

    text = signed_text(module="payment-processor", version="2.0.0", digest=digest, size=48213)

    assert text == (
        b"hotswap-artifact-v1\nname:payment-processor\nversion:2.0.0\n"
        b"digest:sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\nsize:48213\n"
    )
