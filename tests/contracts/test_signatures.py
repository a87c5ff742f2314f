"""What every Signatures promises, on the fake and on Ed25519."""

from __future__ import annotations

import base64
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from chalicelib.adapters.signatures import Ed25519Signatures
from chalicelib.domain.module import signed_text
from chalicelib.usecases.ports import Signatures
from tests.fakes import FakeSignatures, fake_signature

Sign = Callable[[bytes], str]

TEXT = signed_text(module="payment-processor", version="2.0.0", digest="sha256:" + "b" * 64, size=48_213)


def a_key() -> tuple[str, Sign]:
    key = Ed25519PrivateKey.generate()
    public = base64.b64encode(key.public_key().public_bytes_raw()).decode()
    return public, lambda message: base64.b64encode(key.sign(message)).decode()


@pytest.fixture(params=["fake", "ed25519"])
def world(request: pytest.FixtureRequest) -> tuple[Signatures, str, Sign]:
    if request.param == "fake":
        return FakeSignatures(), "key", lambda message: fake_signature("key", message)
    return (Ed25519Signatures(), *a_key())


def test_a_signature_verifies_over_the_bytes_it_was_made_for(world: tuple[Signatures, str, Sign]):
    signatures, key, sign = world

    assert signatures.verifies(public_key=key, signature=sign(TEXT), message=TEXT)


def test_it_does_not_verify_over_any_other(world: tuple[Signatures, str, Sign]):
    signatures, key, sign = world

    assert not signatures.verifies(public_key=key, signature=sign(TEXT), message=TEXT.replace(b"2.0.0", b"2.0.1"))


def test_it_does_not_verify_with_another_key(world: tuple[Signatures, str, Sign]):
    signatures, _, sign = world

    assert not signatures.verifies(public_key=a_key()[0], signature=sign(TEXT), message=TEXT)


@pytest.mark.parametrize("malformed", ["", "x", "é", "AAAA", "A" * 88])
def test_what_is_malformed_does_not_verify(world: tuple[Signatures, str, Sign], malformed: str):
    signatures, key, sign = world

    assert not signatures.verifies(public_key=key, signature=malformed, message=TEXT)
    assert not signatures.verifies(public_key=malformed, signature=sign(TEXT), message=TEXT)


def test_a_second_spelling_of_the_same_bytes_does_not_verify():
    key, sign = a_key()
    signature = sign(TEXT)
    last = signature[-3]
    respelled = f"{signature[:-3]}{chr(ord(last) + 1)}=="

    assert not Ed25519Signatures().verifies(public_key=key, signature=respelled, message=TEXT)
    assert not Ed25519Signatures().verifies(public_key=key, signature=signature + "\n", message=TEXT)
