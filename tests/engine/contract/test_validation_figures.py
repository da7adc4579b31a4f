"""Labels of the figures of a validation."""

import pytest

from adp3d.contract.validation_figures import VALIDATION_FIGURES, labelled


def test_some_of_them_keep_the_order_of_all():
    assert list(labelled("q_score", "clashscore").items()) == [("clashscore", "Clashscore"), ("q_score", "Q-score")]
    assert labelled(*VALIDATION_FIGURES) == dict(VALIDATION_FIGURES)


def test_a_figure_that_there_is_not_is_refused():
    with pytest.raises(KeyError, match="no figures of a validation: chi3"):
        labelled("clashscore", "chi3")
