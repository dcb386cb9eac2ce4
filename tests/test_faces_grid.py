"""The grid operation × output × feature: fixed by the operation, filled by what was judged."""

import numpy as np
import pytest

from reference_tests import CATALOGUE, Case, Implementation, Spec, verify
from reference_tests.faces.summary import grid, summary
from reference_tests.grid import EVERY, Cell, Grid, features, score
from reference_tests.references.exact import subject as naive

CONV = naive.operations["conv2d"]


def conv(x=(1, 2, 5, 5), weight=(2, 2, 3, 3), bias=2, **more):
    arrays = {"x": Spec(x), "weight": Spec(weight), "bias": Spec((bias,)) if bias else None}
    case = {name: more.pop(name) for name in ("family", "layout") if name in more}
    return features(CATALOGUE["conv2d"], Case(arrays, more, **case))


def cells_of(function, **limits):
    limited = {"conv2d": limits} if limits else {}
    subject = Implementation("mine", {"conv2d": function}, limited)
    report = verify(subject, ["conv2d"], [], 12, dtypes=["float32"], diagnose=False)
    return {(c.output, c.feature): c for c in report["conv2d"].cells}, report


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (conv(), []),
        (conv(stride=1, padding=0), []),
        (conv(stride=(1, 2)), ["stride > 1"]),
        (conv(x=(1, 2, 6, 5), stride=2), ["stride > 1", "a remainder"]),
        (conv(x=(1, 2, 6, 5), stride=(1, 2)), ["stride > 1"]),
        (conv(padding="same"), ["padding='same'"]),
        (conv(padding=(0, 1), dilation=2), ["padding > 0", "dilation > 1"]),
        (conv(x=(2, 5, 5)), ["unbatched"]),
        (conv(x=(0, 2, 5, 5)), ["an empty batch"]),
        (conv(bias=0), ["no bias"]),
        (conv(family="ties", layout="Fortran"), ["ties", "Fortran order"]),
    ],
)
def test_features_of_a_case(found, expected):
    assert found == [EVERY, *expected]


def test_pooling_has_a_remainder_by_its_kernel():
    operation = CATALOGUE["avg_pool2d"]
    for kernel, stride, size, left in ((2, None, 5, True), (2, None, 4, False), (3, 2, 6, True)):
        case = Case({"x": Spec((1, 1, size, size))}, {"kernel_size": kernel, "stride": stride})
        assert ("a remainder" in features(operation, case)) is left


def test_numbers_below_the_default_and_other_values_have_names():
    case = Case({"x": Spec((2, 3)), "target": Spec((2,))}, {"ignore_index": -200})
    assert "ignore_index ≠ -100" in features(CATALOGUE["cross_entropy"], case)
    pooled = Case({"x": Spec((1, 1, 4, 4))}, {"kernel_size": 2, "stride": 3, "ceil_mode": True})
    assert {"stride given", "ceil_mode=True"} <= set(features(CATALOGUE["avg_pool2d"], pooled))


def test_every_operation_has_a_grid_that_does_not_change():
    for operation in CATALOGUE.values():
        cells = Grid(operation).cells
        assert cells == Grid(operation).cells
        assert all(cell.status == "not judged" for cell in cells)
        outputs = {cell.output for cell in cells}
        assert {cell.output for cell in cells if cell.feature == EVERY} == outputs


def test_cells_count_the_cases_and_what_is_wrong_in_them():
    def from_stride_two(x, weight, bias=None, *, stride=1, **more):
        y, back = CONV(x, weight, bias, stride=stride, **more)
        return (y if stride == 1 else y + 1), back

    cells, report = cells_of(from_stride_two)
    every, strided = cells["output", EVERY], cells["output", "stride > 1"]
    assert every.cases == report["conv2d"].cases
    # An empty output cannot be wrong.
    assert 0 < strided.failed == every.failed <= strided.cases < every.cases
    assert cells["grad_weight", EVERY].failed == 0
    assert (strided.status, cells["grad_input", EVERY].status) == ("failed", "passed")


def test_what_is_unsupported_stays_in_the_count():
    def dense(x, weight, bias=None, *, stride=1, padding=0, dilation=1, groups=1):
        if groups != 1:
            raise NotImplementedError("groups")
        return CONV(x, weight, bias, stride=stride, padding=padding, dilation=dilation)

    whole, _ = cells_of(CONV)
    cells, less = cells_of(dense)
    assert set(cells) == set(whole)
    grouped = cells["output", "groups > 1"]
    assert (grouped.cases, grouped.status) == (0, "unsupported")
    assert grouped.unsupported == less["conv2d"].unsupported > 0
    assert score(cells.values())[0] < score(whole.values())[0]
    assert score(cells.values())[1] == score(whole.values())[1]


def test_limits_stay_in_the_count():
    whole, _ = cells_of(CONV)
    cells, report = cells_of(CONV, stride=1)
    assert set(cells) == set(whole)
    assert cells["output", "stride > 1"].cases == 0
    assert cells["output", "stride > 1"].unsupported == report["conv2d"].unsupported


def test_a_missing_gradient_is_not_judged():
    cells, _ = cells_of(lambda *arrays, **hyper: CONV(*arrays, **hyper)[0])
    assert cells["output", EVERY].status == "passed"
    assert cells["grad_input", EVERY].status == "not judged"


def test_the_score_counts_what_is_not_provided():
    subject = Implementation("mine", {"relu": naive.operations["relu"]})
    report = verify(subject, ["relu", "tanh"], [], 5, diagnose=False)
    figures = summary(report)
    tanh = Grid(CATALOGUE["tanh"]).cells
    assert report["tanh"].cells == []
    assert grid(report)["tanh"] == tanh
    assert figures.cells == len(Grid(CATALOGUE["relu"]).cells) + len(tanh)
    assert figures.verified == sum(c.status == "passed" for c in report["relu"].cells)
    assert figures.line == "ok: 1 of 1 operations passed (1 more is not provided)"


def test_a_cell_is_verified_only_by_cases():
    made = [Cell("y", "a", 3), Cell("y", "b", 3, 1), Cell("y", "c", 0, 0, 4), Cell("y", "d")]
    assert [cell.status for cell in made] == ["passed", "failed", "unsupported", "not judged"]
    assert score(made) == (1, 4)
    assert np.sum([cell.cases for cell in made]) == 6
