"""Learning rates over the steps of a run."""

import pytest

from nets.training.schedules import lr_factor

PLAIN = {"milestones": [], "gamma": 0.1, "warmup_epochs": 0}


def factors(steps_per_epoch=10, epochs=4, **settings):
    schedule = PLAIN | settings
    return [lr_factor(schedule, step, steps_per_epoch, epochs) for step in range(steps_per_epoch * epochs)]


def test_constant():
    assert set(factors(name="constant")) == {1.0}


def test_step_falls_at_the_first_step_of_a_milestone():
    rates = factors(name="step", milestones=[1, 3])
    assert rates[:10] == [1.0] * 10
    assert rates[10:30] == pytest.approx([0.1] * 20)
    assert rates[30:] == pytest.approx([0.01] * 10)


def test_cosine_falls_from_one_towards_zero():
    rates = factors(name="cosine")
    assert rates[0] == 1.0
    assert rates[20] == pytest.approx(0.5)
    assert 0 < rates[-1] < 0.01
    assert rates == sorted(rates, reverse=True)


def test_linear_with_a_warm_up_is_a_triangle():
    rates = factors(name="linear", warmup_epochs=1)
    assert rates[:10] == pytest.approx([(step + 1) / 10 for step in range(10)])
    assert rates[10:] == pytest.approx([1 - step / 30 for step in range(30)])


def test_warm_up_rises_to_the_full_rate_and_then_the_schedule_begins():
    rates = factors(name="cosine", warmup_epochs=1)
    assert rates[:10] == pytest.approx([(step + 1) / 10 for step in range(10)])
    assert rates[10] == 1.0
    assert rates[25] == pytest.approx(0.5)
