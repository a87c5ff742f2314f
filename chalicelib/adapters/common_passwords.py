"""Passwords that many people use, and what people make of them to please a rule."""

from __future__ import annotations

import functools
import gzip
import itertools
import unicodedata
from pathlib import Path

_LIST = Path(__file__).with_name("common_passwords.txt.gz")
_DECORATION = "0123456789 !\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
_SPELLED = str.maketrans("@4301$57!", "aaeoisstl")
"""What people write instead of letters."""

_MOST_PIECES = 2
_LOOKED_AT = 64
"""Nobody's longer password is made of two common ones."""


def is_common(password: str) -> bool:
    """Whether it is a common password, one with digits and signs around it, spelled with look-alikes, said twice,
    put together from two, or one character or counting all the way."""
    text = unicodedata.normalize("NFKC", password).casefold()[:_LOOKED_AT]
    readings = {text, text.strip(_DECORATION), text.translate(_SPELLED), text.strip(_DECORATION).translate(_SPELLED)}
    return any(_is_plain(reading) or _is_made_of_common(reading) for reading in readings)


@functools.cache
def _common() -> frozenset[str]:
    return frozenset(gzip.decompress(_LIST.read_bytes()).decode().split())


def _is_plain(text: str) -> bool:
    """Nothing at all, few different characters, or characters that follow each other."""
    if len(set(text)) < 4:
        return True
    steps = {ord(after) - ord(before) for before, after in itertools.pairwise(text)}
    return len(steps) == 1 or text in ("1234567890" * 8 + "abcdefghijklmnopqrstuvwxyz") * 2


def _is_made_of_common(text: str) -> bool:
    reached = {0}
    for _ in range(_MOST_PIECES):
        reached = {
            end
            for begin in reached
            for end in range(begin + 3, len(text) + 1)
            if text[begin:end] in _common() or text[begin:end] == text[:begin]
        }
        if len(text) in reached:
            return True
    return False
