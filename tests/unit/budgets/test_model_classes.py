"""Budgets of one model class."""

from __future__ import annotations

import pytest

from budgets.domain.model_classes import class_below, require_class
from config.kernel.errors import InvalidInput


@pytest.mark.parametrize(("wanted", "above", "given"), [("", "", ""), ("L", "", "L"), ("", "L", "L"), ("L", "L", "L")])
def test_a_budget_is_of_its_own_class_or_of_that_above_it(wanted, above, given):
    assert class_below(wanted, above=above) == given


@pytest.mark.parametrize(("wanted", "above"), [("S", "L"), ("tiny", ""), ("any", "")])
def test_another_class_than_above_and_one_that_is_not_known_are_refused(wanted, above):
    with pytest.raises(InvalidInput) as refused:
        class_below(wanted, above=above)
    assert refused.value.field == "model_class"


def test_a_budget_of_a_class_pays_for_that_and_one_of_none_for_all():
    require_class("", "S")
    require_class("S", "S")
    with pytest.raises(InvalidInput) as refused:
        require_class("L", "S")
    assert (refused.value.field, refused.value.code) == ("budget", "wrong_class")
