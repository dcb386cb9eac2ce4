"""When a subject fails: conditions on parameters, shapes and values."""

import numpy as np
import pytest

from reference_tests import CATALOGUE
from reference_tests.case import Case, Spec
from reference_tests.diagnosis import diagnose
from reference_tests.diagnosis.attribution import told
from reference_tests.diagnosis.features import axis_names, features, ordinals, windows
from reference_tests.diagnosis.witness import question
from reference_tests.references.exact import subject as naive

CONV = CATALOGUE["conv2d"]


def table(count, **columns):
    return [{name: place in where for name, where in columns.items()} for place in range(count)]


def failed(count, where):
    return [place in where for place in range(count)]


TOLD = [
    ({}, set(), ""),
    ({}, set(range(10)), "it fails in every case (10 of 10)"),
    ({"a": {1, 2}}, {1, 2}, "it fails exactly if a (2 of 2 such cases; 8 others are not)"),
    (
        {"a": {1, 2, 3, 4}, "b": {1, 2, 3, 5}},
        {1, 2, 3},
        "it fails exactly if a and b (3 of 3 such cases; 7 others are not)",
    ),
    ({"a": {1, 2, 3}}, {1, 2}, "it fails only if a (2 of 3 such cases; 7 others are not)"),
    (
        {"a": {1, 2, 3, 4, 5, 6, 7, 8}, "b": {1, 2, 3, 4, 0, 9}},
        {1, 2, 3},
        "it fails only if a and b (3 of 4 such cases; 6 others are not)",
    ),
    (
        {"a": {1, 2, 3}},
        {1, 2, 3, 4},
        "it fails always if a (3 of 3 such cases), and in 1 more",
    ),
    (
        {"a": {1, 5}, "b": {2, 6}},
        {1, 2, 3},
        "it fails in 3 of 10 cases, for which no common condition was found",
    ),
    ({"a": {0, 1}}, set(range(1, 12)), "it fails in 11 of 12 cases"),
]


@pytest.mark.parametrize(("columns", "where", "sentence"), TOLD, ids=[row[2] for row in TOLD])
def test_the_shortest_condition_is_told(columns, where, sentence):
    count = max(10, *where) + (len(where) > 10) if where else 10
    assert told("it fails", table(count, **columns), failed(count, where)) == sentence


def features_of(arrays, operation="conv2d", **hyper):
    case = Case({name: shape and Spec(shape) for name, shape in arrays.items()}, hyper, 1)
    found = features(question(CATALOGUE[operation], case, "float64", False))
    return {name for name, holds in found.items() if holds}


SHAPES = {"x": (2, 4, 6, 9), "weight": (6, 2, 3, 2), "bias": None}


@pytest.mark.parametrize(
    ("hyper", "holds", "others"),
    [
        ({}, {"stride = 1", "no bias", "N > 1", "kernel even"}, {"stride > 1", "bias is given"}),
        (
            {"stride": (2, 3)},
            {"stride > 1", "stride differs between the axes", "a remainder is left"},
            {"stride = 1", "stride > 2 along H"},
        ),
        ({"stride": (1, 8)}, {"stride > kernel", "one window along an axis"}, set()),
        ({"padding": 3}, {"padding > 0", "padding > kernel - 1"}, {"padding = 0"}),
        ({"padding": "same"}, {"padding='same'", "several windows"}, {"a remainder is left"}),
        ({"dilation": 2}, {"dilation > 1"}, {"dilation differs between the axes"}),
    ],
    # The order of a set is another one in every process.
    ids=lambda value: str(value if isinstance(value, dict) else sorted(value)),
)
def test_the_geometry_of_windows_is_a_feature(hyper, holds, others):
    found = features_of(SHAPES, groups=2, **hyper)
    assert holds | {"groups > 1", "C ≠ O", "kernel is not square"} <= found
    assert not others & found


def test_shapes_and_values_are_features():
    lone = features_of({"x": (2, 6, 9), "weight": (2, 2, 1, 1), "bias": (2,)})
    assert {"x has no batch", "C = O", "bias is given", "x has 3 axes"} <= lone
    arrays = {"x": Spec((2, 3)), "target": Spec((2,), "label", 3), "weight": None}
    values = {"x": np.array([[np.nan, 1, 1], [-800, 30, 0]]), "target": np.array([1, -1])}
    hyper = {"ignore_index": -1, "reduction": "sum", "label_smoothing": 0.1}
    case = Case(arrays, hyper, values=values)
    found = features(question(CATALOGUE["cross_entropy"], case, "float32", False))
    holding = {name for name, holds in found.items() if holds}
    assert {"x has NaN", "x has ties", "x has zeros", "a target is ignored"} <= holding
    assert {"reduction='sum'", "label_smoothing > 0.0", "the dtype is float32"} <= holding
    assert {"x has numbers beyond ±700", "x has negative numbers"} <= holding


def test_axes_are_named_where_they_have_names():
    asked = question(CONV, CONV.pinned[0], "float64", False)
    assert axis_names(asked, "x") == ["N", "C", "H", "W"]
    assert axis_names(asked, "weight") == ["O", "C / groups", "KH", "KW"]
    assert axis_names(asked, "bias") == ["the only axis of bias"]
    assert ordinals(3) == ["first", "second", "last"]
    relu = question(CATALOGUE["relu"], Case({"x": Spec((2, 3))}), "float64", False)
    assert windows(relu) == []


def raising(x, weight, bias=None, **hyper):
    if hyper.get("groups", 1) > 1:
        raise ValueError("groups")
    return naive.operations["conv2d"](x, *(a for a in (weight, bias) if a is not None), **hyper)


def test_what_raises_is_attributed_too():
    found = diagnose(raising, CONV)
    assert set(found) == {"call"}
    assert found["call"].attribution.startswith("it raises exactly if groups > 1 (")
    assert found["call"].explanation == found["call"].attribution


def tail(x, weight, bias=None, **hyper):
    """Spoil the gradient where a stride leaves a remainder."""
    y, pullback = naive.operations["conv2d"](
        x, *(a for a in (weight, bias) if a is not None), **hyper
    )
    arrays = {"x": Spec(x.shape), "weight": Spec(weight.shape), "bias": None}
    axes = windows(question(CONV, Case(arrays, hyper), "float64", False))
    spoiled = any(axis.room % axis.stride for axis in axes)

    def pull(grad_output):
        grad_x, *others = pullback(grad_output)
        return (grad_x + 1000 * np.arange(grad_x.size).reshape(grad_x.shape) * spoiled, *others)

    return y, pull


def test_a_failure_is_attributed_to_the_parameters():
    found = diagnose(tail, CONV)
    assert set(found) == {"grad_input"}
    assert found["grad_input"].faults == ()
    assert "grad_input is wrong exactly if a remainder is left (" in found["grad_input"].explanation
