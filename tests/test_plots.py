"""The figures say what the numbers say, and the summary counts what the layers hold."""

from __future__ import annotations

import io
import sys

import numpy as np
import pytest

from scratchcnn.models import MODELS
from scratchcnn.nn import Conv2d, Linear, Module, ReLU, Sequential
from scratchcnn.plots import confusion_figure, confusion_matrix, filters_figure, history_figure
from scratchcnn.summary import summarize
from scratchcnn.training import Epoch, History

# The large networks have tests of their own.
SMALL_MODELS = [name for name, model in MODELS.items() if model.least is None]

pytest.importorskip("matplotlib")

EPOCHS = [Epoch(1, 0.9, 0.5, 0.8, 0.6, 1.0), Epoch(2, 0.4, 0.75, 0.5, 0.7, 1.0)]


def png(figure):
    """Return the picture of a figure, which shows that it can be drawn."""
    file = io.BytesIO()
    figure.savefig(file, format="png")
    return file.getvalue()


def texts(axes):
    return {text.get_text() for text in axes.texts}


def test_history_figure_draws_loss_and_accuracy_in_percent():
    figure = history_figure(History(EPOCHS))
    loss, accuracy = figure.axes
    np.testing.assert_allclose([line.get_ydata() for line in loss.lines], [[0.9, 0.4], [0.8, 0.5]])
    np.testing.assert_allclose([line.get_ydata() for line in accuracy.lines], [[50, 75], [60, 70]])
    assert (loss.get_xlabel(), loss.get_ylabel()) == ("epoch", "loss")
    assert (accuracy.get_xlabel(), accuracy.get_ylabel()) == ("epoch", "accuracy (%)")
    legend = [text.get_text() for text in accuracy.get_legend().get_texts()]
    assert legend == ["training, at the end 75.0 %", "held out, at the end 70.0 %"]
    assert figure.get_suptitle() == "Training, 2 epochs"
    assert png(figure).startswith(b"\x89PNG")


@pytest.mark.parametrize("count", [1, 2, 3, 40])
def test_history_figure_has_whole_numbers_of_epochs_below(count):
    epochs = [EPOCHS[0]._replace(epoch=number) for number in range(1, count + 1)]
    for axes in history_figure(History(epochs)).axes:
        low, high = axes.get_xlim()
        ticks = [tick for tick in axes.get_xticks() if low <= tick <= high]
        assert ticks
        assert all(tick == int(tick) and 1 <= tick <= count for tick in ticks)


def test_history_figure_without_validation_has_the_curves_of_the_training_alone():
    epochs = [epoch._replace(test_loss=None, test_accuracy=None) for epoch in EPOCHS]
    assert [len(axes.lines) for axes in history_figure(History(epochs)).axes] == [1, 1]


def test_history_figure_of_no_epochs_is_empty_but_drawn():
    figure = history_figure(History([], interrupted=True))
    assert [len(axes.lines) for axes in figure.axes] == [0, 0]
    assert figure.get_suptitle() == "Training, 0 epochs, interrupted"
    assert png(figure).startswith(b"\x89PNG")


def test_confusion_matrix_counts_labels_in_rows():
    labels, predictions = np.array([0, 0, 1, 2, 2, 2]), np.array([0, 2, 1, 2, 2, 0])
    expected = [[1, 0, 1], [0, 1, 0], [1, 0, 2]]
    assert confusion_matrix(labels, predictions, 3).tolist() == expected


def test_confusion_matrix_of_no_images_is_zero():
    empty = np.zeros(0, int)
    assert confusion_matrix(empty, empty, 2).tolist() == [[0, 0], [0, 0]]


@pytest.mark.parametrize(
    ("labels", "predictions", "error", "message"),
    [
        (np.zeros(3), np.zeros(3, int), TypeError, "labels has dtype float64"),
        (np.zeros(3, int), [0, 0, 0], TypeError, "predictions has list, expected a NumPy array"),
        (np.zeros((3, 1), int), np.zeros(3, int), ValueError, r"labels has 2 dimensions.*\(N,\)"),
        (np.zeros(3, int), np.zeros(2, int), ValueError, r"predictions has shape \(2,\), .*\(3,\)"),
        (
            np.array([0, 2]),
            np.zeros(2, int),
            ValueError,
            "labels has values from 0 to 2, .* 0 to 1",
        ),
        (np.zeros(2, int), np.array([-1, 0]), ValueError, "predictions has values from -1 to 0"),
    ],
)
def test_confusion_matrix_and_its_figure_refuse(labels, predictions, error, message):
    with pytest.raises(error, match=f"confusion_matrix: {message}"):
        confusion_matrix(labels, predictions, 2)
    with pytest.raises(error, match=f"confusion_figure: {message}"):
        confusion_figure(labels, predictions, ["no", "yes"])


def test_confusion_figure_writes_the_counts_and_the_accuracy():
    labels, predictions = np.repeat([0, 1], [1500, 500]), np.repeat([0, 1, 0], [1500, 100, 400])
    figure = confusion_figure(labels, predictions, ["small", "large"])
    axes = figure.axes[0]
    places = {text.get_position(): text.get_text() for text in axes.texts}
    assert places == {(0, 0): "1,500", (0, 1): "400", (1, 1): "100"}
    assert axes.get_title() == "1,600 of 2,000 right (80.0 %)"
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("predicted label", "true label")
    assert [label.get_text() for label in axes.get_xticklabels()] == ["small", "large"]
    np.testing.assert_allclose(axes.images[0].get_array(), [[100, 0], [80, 20]])
    assert png(figure).startswith(b"\x89PNG")


def test_confusion_figure_without_names_takes_the_numbers_up_to_the_largest():
    axes = confusion_figure(np.array([0, 1]), np.array([0, 3])).axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["0", "1", "2", "3"]


def test_confusion_figure_of_no_images_is_drawn():
    empty = np.zeros(0, int)
    assert confusion_figure(empty, empty).axes[0].get_title() == "0 of 0 right (0.0 %)"


def tile(picture, row, column, size):
    top, left = row * (size + 1) + 1, column * (size + 1) + 1
    return picture[top : top + size, left : left + size]


def test_filters_figure_has_one_numbered_tile_for_each_filter_of_one_channel():
    weight = np.random.default_rng(0).standard_normal((10, 1, 3, 3))
    axes = filters_figure(weight).axes[0]
    picture = axes.images[0].get_array()
    for number in range(10):
        np.testing.assert_array_equal(tile(picture, *divmod(number, 8), 3), weight[number, 0])
    assert np.count_nonzero(~np.ma.getmaskarray(picture)) == weight.size
    assert texts(axes) == {str(number) for number in range(10)}
    assert axes.get_title() == "10 filters of 3 x 3"


def test_filters_figure_has_a_row_for_each_filter_of_several_channels():
    weight = np.random.default_rng(0).standard_normal((4, 3, 5, 5)).astype(np.float32)
    figure = filters_figure(weight)
    axes = figure.axes[0]
    for row, column in np.ndindex(4, 3):
        drawn = tile(axes.images[0].get_array(), row, column, 5)
        np.testing.assert_array_equal(drawn, weight[row, column])
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("input channel", "filter")
    assert [label.get_text() for label in axes.get_yticklabels()] == ["0", "1", "2", "3"]
    assert png(figure).startswith(b"\x89PNG")


def test_filters_figure_of_many_filters_numbers_only_some():
    weight = np.ones((40, 2, 1, 1))
    labels = [label.get_text() for label in filters_figure(weight).axes[0].get_yticklabels()]
    assert labels == [str(number) for number in range(0, 40, 3)]


def test_filters_figure_puts_zero_in_the_middle_of_its_colors():
    image = filters_figure(np.array([-1.0, 3.0]).reshape(1, 1, 1, 2)).axes[0].images[0]
    assert image.get_clim() == (-3, 3)
    assert filters_figure(np.zeros((1, 1, 2, 2))).axes[0].get_title() == "1 filter of 2 x 2"


@pytest.mark.parametrize(
    ("weight", "error", "message"),
    [
        (np.zeros((1, 1, 3, 3), int), TypeError, "weight has dtype int64, expected float32"),
        (np.zeros((3, 3)), ValueError, r"weight has 2 dimensions.* \(O, C, KH, KW\)"),
        (np.zeros((0, 1, 3, 3)), ValueError, r"weight has shape \(0, 1, 3, 3\), expected no empty"),
    ],
)
def test_filters_figure_refuses(weight, error, message):
    with pytest.raises(error, match=f"filters_figure: {message}"):
        filters_figure(weight)


def test_figures_leave_pyplot_alone():
    code = sys.modules.pop("matplotlib.pyplot", None)
    try:
        history_figure(History(EPOCHS))
        assert "matplotlib.pyplot" not in sys.modules
    finally:
        if code is not None:
            sys.modules["matplotlib.pyplot"] = code


def test_figures_without_matplotlib_say_how_to_get_it(monkeypatch):
    for module in [name for name in sys.modules if name.split(".")[0] == "matplotlib"]:
        monkeypatch.setitem(sys.modules, module, None)
    message = r'history_figure: the package matplotlib .* pip install "scratchcnn\[plots\]"'
    with pytest.raises(ImportError, match=message):
        history_figure(History(EPOCHS))


# The summary.


def test_summary_of_lenet5_has_the_known_totals():
    rows = summarize(MODELS["lenet5"].build(rng=0), (1, 28, 28))
    assert sum(row.parameters for row in rows) == 61706
    work = 6 * 28 * 28 * 25 + 16 * 10 * 10 * 6 * 25 + 120 * 16 * 25 + 120 * 84 + 84 * 10
    assert sum(row.multiply_adds for row in rows) == work
    assert rows[0] == ("conv1", "Conv2d", (6, 28, 28), 156, 117600)
    assert rows[-1].output_shape == (10,)


@pytest.mark.parametrize("name", SMALL_MODELS)
def test_summary_counts_every_parameter_and_ends_at_the_output(name):
    model = MODELS[name].build(rng=0, dtype=np.float64)
    rows = summarize(model, MODELS[name].input_shape)
    assert sum(row.parameters for row in rows) == sum(p.data.size for p in model.parameters())
    assert [row.name for row in rows] == [layer_name for layer_name, _ in model.named_layers()]
    assert rows[-1].output_shape == (MODELS[name].classes,)


def test_summary_counts_a_shared_layer_once_but_its_work_twice():
    shared = Linear(3, 3, rng=0)
    first, second = summarize(Sequential({"a": Sequential(shared), "b": shared}), (3,))
    assert (first.parameters, second.parameters) == (12, 0)
    assert first.multiply_adds == second.multiply_adds == 9
    assert first.name == second.name == "a.0"


def test_summary_sees_layers_inside_modules_of_any_kind():
    class Residual(Module):
        def __init__(self):
            self.inner = Conv2d(2, 2, 3, padding=1, groups=2, bias=False, rng=0)
            self.relu = ReLU()

        def vjp(self, x, input_grad=True):
            y, _ = self.inner.vjp(x)
            return self.relu.vjp(x + y)

    rows = summarize(Residual(), (2, 4, 5))
    assert rows == [
        ("inner", "Conv2d", (2, 4, 5), 18, 2 * 4 * 5 * 9),
        ("relu", "ReLU", (2, 4, 5), 0, 0),
    ]


def test_summary_of_a_model_without_parameters_takes_float32():
    assert summarize(Sequential(ReLU()), (2,)) == [("0", "ReLU", (2,), 0, 0)]


def test_summary_leaves_the_model_as_it_is():
    model = MODELS["two_conv"].build(rng=0).train()
    before = model.state_dict()
    summarize(model, (1, 28, 28))
    assert all("vjp" not in vars(layer) and layer.training for _, layer in model.named_modules())
    assert all(np.array_equal(before[name], value) for name, value in model.state_dict().items())


def test_summary_of_images_that_do_not_fit_is_the_error_of_the_layer():
    with pytest.raises(ValueError, match=r"conv2d: .*channels"):
        summarize(MODELS["lenet5"].build(rng=0), (3, 28, 28))
