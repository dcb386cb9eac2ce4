"""What the faults of losses and penalties compute, by numbers that a hand can check."""

import numpy as np
import pytest

from reference_tests import CATALOGUE
from reference_tests.faults import FAULTS, Inputs, composed, oracle, simulated

X, TARGET = np.array([[1.0, 4.0]]), np.array([[0.0, 0.0]])


def seen(id_, operation, *arrays, grad_output=1.0, **hyper):
    """Return what a fault makes of its output beside what is right."""
    record, fault = CATALOGUE[operation], FAULTS[id_]
    given = dict.fromkeys(record.arrays) | dict(zip(record.arrays, arrays, strict=False))
    inputs = Inputs(record, given, {**record.defaults, **hyper}).pulled(np.asarray(grad_output))
    return simulated(inputs, fault.output, fault), oracle(inputs, fault.output)


def test_a_mean_that_is_a_sum_or_divides_by_samples_is_a_multiple_of_the_right_one():
    wrong, right = seen("loss/not-averaged", "mse_loss", X, TARGET)
    assert (wrong, right) == (17, 8.5)
    wrong, right = seen("loss/averaged-over-the-batch", "mse_loss", X, TARGET)
    assert (wrong, right) == (17, 8.5)
    tall = X.T, TARGET.T
    assert seen("loss/averaged-over-the-batch", "mse_loss", *tall)[0] == 8.5


def test_the_weights_of_a_mean_are_what_it_divides_by_or_are_not():
    weight = np.array([[3.0, 1.0]])
    wrong, right = seen("loss/weights-not-averaged", "l1_loss", X, TARGET, weight)
    assert (wrong, right) == (3.5, 1.75)
    wrong, right = seen("loss/averaged-over-the-weights", "huber_loss", X, TARGET, weight)
    assert (wrong, right) == (right / 2, 2.5)
    wrong, _ = seen("loss/weights-ignored", "l1_loss", X, TARGET, weight)
    assert wrong == 2.5


def test_a_halved_square_lacks_the_two_of_its_derivative():
    wrong, right = seen("loss/square-halved", "mse_loss", X, TARGET)
    assert wrong == right / 2
    wrong, right = seen("loss/grad-factor-two-missing", "mse_loss", X, TARGET)
    np.testing.assert_array_equal(wrong, X / 2)
    np.testing.assert_array_equal(right, X)


@pytest.mark.parametrize(("name", "slope"), [("one", 1), ("minus-one", -1)])
def test_the_absolute_value_has_a_slope_only_where_x_does_not_meet_its_target(name, slope):
    x, target = np.array([1.0, 2.0, 3.0]), np.full(3, 2.0)
    wrong, right = seen(f"loss/grad-{name}-at-kink", "l1_loss", x, target, reduction="sum")
    np.testing.assert_array_equal(wrong, [-1, slope, 1])
    np.testing.assert_array_equal(right, [-1, 0, 1])


def test_the_pieces_of_the_huber_loss_are_wrong_one_at_a_time():
    x, target = np.array([1.0, 4.0]), np.zeros(2)
    more = {"reduction": "none", "delta": 2.0}
    expected = {
        "huber-square-not-halved": [1, 6],
        "huber-line-without-delta": [0.5, 3],
        "line-without-offset": [0.5, 8],
        "width-ignored": [0.5, 3.5],
        "huber-as-smooth-l1": [0.25, 3],
    }
    for name, losses in expected.items():
        wrong, right = seen(f"loss/{name}", "huber_loss", x, target, **more)
        np.testing.assert_array_equal(wrong, losses, err_msg=name)
        np.testing.assert_array_equal(right, [0.5, 6])


def test_the_square_of_smooth_l1_loss_without_beta_does_not_meet_the_line():
    x, more = np.array([1.0, 4.0]), {"reduction": "none", "beta": 2.0}
    wrong, right = seen(
        "loss/smooth-l1-square-without-beta", "smooth_l1_loss", x, np.zeros(2), **more
    )
    np.testing.assert_array_equal(wrong, [0.5, 3])
    np.testing.assert_array_equal(right, [0.25, 3])


def test_a_clipped_probability_has_a_loss_below_the_hundred_of_log_zero():
    x, target = np.array([0.0]), np.array([1.0])
    wrong, right = seen("loss/clipped-1e-7", "binary_cross_entropy", x, target)
    assert (wrong, right) == (pytest.approx(7 * np.log(10)), 100)
    wrong, _ = seen("loss/log-unguarded", "binary_cross_entropy", x, target)
    assert wrong == np.inf


def test_the_difference_of_probability_and_target_is_the_gradient_of_the_logit():
    x, target = np.array([0.25]), np.array([1.0])
    wrong, right = seen("loss/grad-difference-only", "binary_cross_entropy", x, target)
    assert (wrong, right) == (-0.75, pytest.approx(-4))


def test_pos_weight_on_the_negatives_weighs_the_other_term():
    x, target, three = np.array([0.0]), np.array([0.25]), np.array([3.0])
    arrays = x, target, None, three
    name = "binary_cross_entropy_with_logits"
    parts = {"on-negatives": 0.25 + 3 * 0.75, "on-both": 3, "ignored": 1}
    for part, factor in parts.items():
        wrong, right = seen(f"loss/pos-weight-{part}", name, *arrays)
        assert wrong == pytest.approx(factor * np.log(2)), part
        assert right == pytest.approx((3 * 0.25 + 0.75) * np.log(2))


def test_divergences_of_a_number_without_axes_are_those_of_one_sample():
    x, target = np.array(0.5), np.array(1.0)
    wrong, right = seen("loss/kl-log-missing", "kl_div", x, target, reduction="batchmean")
    assert (wrong, right) == (0.5, -0.5)


def test_a_divergence_the_other_way_round_is_that_of_the_exchanged_distributions():
    p, q = np.array([0.25, 0.75]), np.array([0.5, 0.5])
    wrong, _ = seen("loss/kl-exchanged", "kl_div", np.log(q), p, reduction="sum")
    _, right = seen("loss/kl-exchanged", "kl_div", np.log(p), q, reduction="sum")
    assert wrong == pytest.approx(right)


def test_an_ignored_label_of_minus_one_is_taken_for_the_last_class():
    x, target = np.array([[0.0, 0.0], [0.0, 0.0]]), np.array([0, -1])
    more = {"ignore_index": -1, "reduction": "sum"}
    wrong, right = seen("cross-entropy/ignored-not-left-out", "cross_entropy", x, target, **more)
    assert (wrong, right) == (pytest.approx(2 * np.log(2)), pytest.approx(np.log(2)))


def test_a_gradient_without_the_targets_is_the_softmax_and_without_it_has_the_logits():
    x, target = np.array([[0.0, 0.0, np.log(2)]]), np.array([2])
    wrong, _ = seen("cross-entropy/grad-target-not-subtracted", "cross_entropy", x, target)
    np.testing.assert_allclose(wrong, [[0.25, 0.25, 0.5]])
    wrong, _ = seen("cross-entropy/grad-softmax-missing", "cross_entropy", x, target)
    np.testing.assert_allclose(wrong, [[0, 0, np.log(2) - 1]])


def test_a_penalty_halved_or_rooted_is_that_of_weight_decay_or_of_the_norm():
    x = np.array([3.0, -4.0])
    wrong, right = seen("penalty/halved", "l2_penalty", x, strength=2.0)
    assert (wrong, right) == (25, 50)
    assert seen("penalty/rooted", "l2_penalty", x, strength=2.0)[0] == 10
    wrong, right = seen("penalty/grad-rooted", "l2_penalty", x, strength=2.0)
    np.testing.assert_allclose(wrong, 2 * x / 5)
    np.testing.assert_array_equal(seen("penalty/grad-rooted", "l2_penalty", x, strength=0.0)[0], 0)


def test_an_elastic_net_with_whole_squares_or_an_exchanged_ratio():
    x, more = np.array([3.0, -4.0]), {"alpha": 2.0, "l1_ratio": 0.25}
    wrong, right = seen("penalty/squares-not-halved", "elastic_net_penalty", x, **more)
    assert (wrong, right) == (2 * (0.25 * 7 + 0.75 * 25), 2 * (0.25 * 7 + 0.75 / 2 * 25))
    wrong, _ = seen("penalty/ratio-exchanged", "elastic_net_penalty", x, **more)
    assert wrong == 2 * (0.75 * 7 + 0.25 / 2 * 25)


def test_faults_of_a_loss_compose():
    pair = FAULTS["loss/square-halved"], FAULTS["loss/not-averaged"]
    y, _ = composed(*pair).operations["mse_loss"](X, TARGET)
    assert y == 8.5
    pair = FAULTS["loss/grad-factor-two-missing"], FAULTS["loss/grad-sign"]
    _, pullback = composed(*pair).operations["mse_loss"](X, TARGET)
    np.testing.assert_array_equal(pullback(np.asarray(1.0))[0], -X / 2)


@pytest.mark.parametrize("family", ["loss", "cross-entropy", "penalty"])
def test_each_fault_has_a_formula(family):
    mine = [fault for fault in FAULTS.values() if fault.id.startswith(f"{family}/")]
    assert mine
    assert [fault.id for fault in mine if not fault.formula] == []
