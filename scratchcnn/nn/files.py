"""Weights in files: NumPy's ``.npz``, never pickled, written whole or not at all."""

from __future__ import annotations

import json
import os
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from scratchcnn.nn.module import Module

NOTES = "__notes__"
# What zipfile, NumPy and json raise for archives that are foreign, damaged, encrypted or absurd.
_DAMAGES = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    KeyError,
    ValueError,
    RuntimeError,
    MemoryError,
    OverflowError,
)


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open a temporary file beside `path` that takes its place if the block ends without error."""
    target = Path(path)
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        # mkstemp makes private files; the result gets the permissions of any new file.
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(name, 0o666 & ~mask)
        os.replace(name, target)
    except BaseException:
        os.unlink(name)
        raise


def save_weights(
    path: str | os.PathLike[str], model: Module, notes: Mapping[str, Any] | None = None
) -> None:
    """Write the state_dict of `model` into the file `path`.

    Parameters
    ----------
    path : path
        The file, by custom ``….npz``; an existing one is replaced at the end.
    model : Module
    notes : mapping, optional
        What else the file should say, as JSON: the name of the model, say.

    Raises
    ------
    ValueError
        If an entry is called as the notes are, or as a parameter of `numpy.savez`.
    OSError
        If the file cannot be written; then nothing is left of it.
    """
    state = model.state_dict()
    for name in (NOTES, "file", "allow_pickle"):
        # The last two are parameters of np.savez.
        if name in state:
            raise ValueError(
                f"save_weights: the model has an entry {name!r}, expected another name"
            )
    arrays: dict[str, Any] = {**state, NOTES: np.array(json.dumps(dict(notes or {})))}
    with replacing(path) as file:
        np.savez(file, **arrays)


def load_weights(path: str | os.PathLike[str], model: Module) -> dict[str, Any]:
    """Copy the weights in the file `path` into `model` and return the notes of the file.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    TypeError, ValueError
        If the file is no ``.npz``, truncated, or its entries do not fit; the model is unchanged.
    """
    state, notes = read_weights(path)
    model.load_state_dict(state)
    return notes


def read_weights(path: str | os.PathLike[str]) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Return the arrays and the notes in the file `path`.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is no ``.npz`` of plain arrays, or truncated.
    """
    try:
        # zipfile checks the sums of what it reads; np.load alone would take other kinds of file.
        with zipfile.ZipFile(path) as archive:
            broken = archive.testzip()
        if broken is not None:
            raise zipfile.BadZipFile(f"{broken} is damaged")
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        notes = json.loads(str(arrays.pop(NOTES, "{}")))
    except _DAMAGES as error:
        raise ValueError(
            f"load_weights: {os.fspath(path)} is no whole .npz file of arrays ({error}), "
            "expected one as written by save_weights"
        ) from error
    if not isinstance(notes, dict):
        raise ValueError(
            f"load_weights: {os.fspath(path)} has the notes {notes!r}, expected a mapping"
        )
    if not all(isinstance(array, np.ndarray) for array in arrays.values()):
        raise ValueError(f"load_weights: {os.fspath(path)} has entries that are no arrays")
    return arrays, notes
