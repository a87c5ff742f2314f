"""What a node runs of a module: a digest and the revision of the configuration it was started with, as one word.

`sha256:…` where nothing is configured, `sha256:…+3` with revision 3. Two editions are equal exactly when code and
configuration are, so nodes, waves, restores and the judge treat a change of configuration as they treat one of code.
"""

from __future__ import annotations

import re

EDITION = re.compile(r"sha256:[0-9a-f]{64}(?:\+[1-9][0-9]{0,7})?")


def edition(digest: str | None, configuration: int) -> str | None:
    """The edition of a digest under a configuration revision (0: none); None where there is no digest."""
    return digest if digest is None or not configuration else f"{digest}+{configuration}"


def is_edition(text: str) -> bool:
    """A digest, and where it is configured `+` and the revision."""
    return EDITION.fullmatch(text) is not None


def digest_of(name: str) -> str:
    """The digest of an edition."""
    return name.partition("+")[0]


def configuration_of(name: str | None) -> int:
    """The configuration revision of an edition, 0 where nothing is configured."""
    revision = (name or "").partition("+")[2]
    return int(revision) if revision else 0
