"""Weights in files: round trips, and damage that changes nothing."""

from __future__ import annotations

import os
import sys
import zipfile

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from scratchcnn import nn


def model(seed=0):
    return nn.Sequential({"conv": nn.Conv2d(1, 2, 3, rng=seed), "dense": nn.Linear(4, 3, rng=seed)})


def same_weights(one, two):
    return all(np.array_equal(a, two[name]) for name, a in one.items())


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "weights.npz"
    nn.save_weights(path, model(1), {"name": "small", "epochs": 3})
    return path


def test_weights_come_back_with_their_notes(saved):
    other = model(2)
    assert nn.load_weights(saved, other) == {"name": "small", "epochs": 3}
    for name, array in model(1).state_dict().items():
        assert_array_equal(other.state_dict()[name], array, strict=True)
    state, notes = nn.read_weights(str(saved))
    assert list(state) == list(model().state_dict())
    assert notes["epochs"] == 3


def test_weights_replace_an_older_file_and_leave_no_other(saved):
    nn.save_weights(str(saved), model(3))
    state, notes = nn.read_weights(saved)
    assert same_weights(state, model(3).state_dict())
    assert notes == {}
    assert os.listdir(saved.parent) == ["weights.npz"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no permission bits")
def test_weights_get_the_permissions_of_any_new_file(saved):
    mask = os.umask(0o027)
    try:
        nn.save_weights(saved, model())
    finally:
        os.umask(mask)
    assert saved.stat().st_mode & 0o777 == 0o640


def test_weights_of_any_npz_load_without_notes(tmp_path):
    path = tmp_path / "other.npz"
    np.savez_compressed(path, **model(4).state_dict())
    other = model(2)
    assert nn.load_weights(path, other) == {}
    assert same_weights(other.state_dict(), model(4).state_dict())


@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt()], ids=["full", "^C"])
@pytest.mark.parametrize("place", ["while writing", "while replacing"])
def test_saving_that_fails_keeps_the_old_file_and_leaves_no_other(saved, monkeypatch, place, error):
    before = saved.read_bytes()

    def fails(file, *args, **kwargs):
        if place == "while writing":
            file.write(b"half a file")
        raise error

    target = (np, "savez") if place == "while writing" else (os, "replace")
    monkeypatch.setattr(*target, fails)
    with pytest.raises(type(error)):
        nn.save_weights(saved, model(5))
    assert saved.read_bytes() == before
    assert os.listdir(saved.parent) == ["weights.npz"]


def test_saving_that_fails_leaves_nothing_where_nothing_was(tmp_path):
    with pytest.raises(TypeError, match="not JSON serializable"):
        nn.save_weights(tmp_path / "new.npz", model(), {"model": object()})
    with pytest.raises(FileNotFoundError):
        nn.save_weights(tmp_path / "no" / "folder.npz", model())
    with pytest.raises(IsADirectoryError if sys.platform != "win32" else PermissionError):
        nn.save_weights(tmp_path, model())
    assert os.listdir(tmp_path) == []


def test_saving_refuses_a_model_with_an_entry_called_as_the_notes(tmp_path):
    odd = nn.Module()
    odd.__notes__ = nn.Parameter(np.ones(1))
    message = "^save_weights: the model has an entry '__notes__', expected another name"
    with pytest.raises(ValueError, match=message):
        nn.save_weights(tmp_path / "odd.npz", odd)


@pytest.mark.parametrize("name", ["file", "allow_pickle"])
def test_saving_refuses_an_entry_called_as_a_parameter_of_savez(name, tmp_path):
    odd = nn.Module()
    setattr(odd, name, nn.Parameter(np.ones(1)))
    message = f"^save_weights: the model has an entry '{name}', expected another name"
    with pytest.raises(ValueError, match=message):
        nn.save_weights(tmp_path / "odd.npz", odd)
    assert os.listdir(tmp_path) == []


def truncated(path):
    path.write_bytes(path.read_bytes()[:-100])


def empty(path):
    path.write_bytes(b"")


def text(path):
    path.write_text("these are no weights")


def array(path):
    with path.open("wb") as file:
        np.save(file, np.ones(3))


def flipped(path):
    content = bytearray(path.read_bytes())
    start = content.index(b"NUMPY") + 200
    content[start] ^= 0xFF
    path.write_bytes(content)


def flipped_compressed(path):
    np.savez_compressed(path, weight=np.random.default_rng(0).integers(0, 9, 5000))
    content = bytearray(path.read_bytes())
    for place in range(200, 600):
        content[place] ^= 0x5A
    path.write_bytes(content)


def pickled(path):
    np.savez(path, weight=np.array([{"any": "object"}], dtype=object))


def header(path):
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("weight.npy", b"\x93NUMPY\x01\x00\x04\x00oops")


def notes_of_no_json(path):
    np.savez(path, __notes__=np.array("{"))


IS_NO_NPZ = r"is no whole \.npz file of arrays \(.*\), expected one as written by save_weights"


@pytest.mark.parametrize(
    "damage",
    [
        truncated,
        empty,
        text,
        array,
        flipped,
        flipped_compressed,
        pickled,
        header,
        notes_of_no_json,
    ],
)
def test_loading_refuses_damaged_and_foreign_files_and_changes_nothing(saved, damage):
    damage(saved)
    other = model(2)
    with pytest.raises(ValueError, match=f"^load_weights: .*weights.npz {IS_NO_NPZ}"):
        nn.load_weights(saved, other)
    assert same_weights(other.state_dict(), model(2).state_dict())


def test_loading_refuses_entries_that_are_no_arrays(saved):
    with zipfile.ZipFile(saved, "w") as file:
        file.writestr("readme.txt", "weights of something")
    with pytest.raises(ValueError, match=r"^load_weights: .*weights\.npz has entries that are no "):
        nn.load_weights(saved, model())


def test_loading_refuses_notes_that_are_no_mapping(saved):
    np.savez(saved, __notes__=np.array("[1]"))
    message = r"^load_weights: .* has the notes \[1\], expected a mapping"
    with pytest.raises(ValueError, match=message):
        nn.read_weights(saved)


def test_loading_refuses_the_weights_of_another_model_and_changes_nothing(saved):
    other = nn.Linear(4, 3, rng=2)
    before = other.state_dict()
    with pytest.raises(
        ValueError, match=r"^load_state_dict: state_dict lacks \['weight', 'bias'\]"
    ):
        nn.load_weights(saved, other)
    assert same_weights(other.state_dict(), before)


def test_loading_says_which_file_is_missing(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"missing\.npz"):
        nn.load_weights(tmp_path / "missing.npz", model())
