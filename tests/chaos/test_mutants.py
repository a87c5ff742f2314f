"""The list of planted defects keeps up with the code; `make mutants` plants them."""

from __future__ import annotations

import pytest

from tests.chaos.defects import DEFECTS, Defect
from tests.chaos.mutants import ROOT

FEWEST = 15


def test_there_are_enough_and_each_has_a_name_of_its_own() -> None:
    assert len({defect.name for defect in DEFECTS}) == len(DEFECTS) >= FEWEST


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.name)
def test_a_defect_fits_the_code_as_it_is(defect: Defect) -> None:
    assert (ROOT / defect.file).read_text().count(defect.old) == 1
    assert defect.old != defect.new
