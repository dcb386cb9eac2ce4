"""IDX, the file format of MNIST: a magic number, the sizes, then the bare numbers.

After the description at the end of Y. LeCun, C. Cortes, C. J. C. Burges, "The MNIST database of
handwritten digits", 1998. All numbers are big-endian.
"""

from __future__ import annotations

import gzip
import math
import os
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scratchcnn.datasets.dataset import Dataset, from_bytes

TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def read_idx(path: str | os.PathLike[str]) -> NDArray[Any]:
    """Return the array in an IDX file, plain or compressed by gzip.

    Parameters
    ----------
    path : path
        The file: two zero bytes, a byte for the type of the numbers (0x08 unsigned byte, 0x09
        signed byte, 0x0B 16-bit, 0x0C 32-bit integer, 0x0D float32, 0x0E float64), a byte for
        the number of dimensions, the size of each in 4 bytes, and the numbers, last axis fastest.

    Returns
    -------
    ndarray
        In the byte order of this machine.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is of another format, truncated, or longer than its sizes say.
    """
    content = _content(path)
    code, dimensions = content[2:4] if len(content) >= 4 else (None, 0)
    if content[:2] != b"\0\0" or code not in TYPES:
        raise ValueError(
            f"read_idx: {os.fspath(path)} begins with {content[:4].hex(' ') or 'nothing'}, "
            "expected 00 00, a type from 08 09 0b 0c 0d 0e, and the number of dimensions"
        )
    start = 4 + 4 * dimensions
    if len(content) < start:
        raise ValueError(
            f"read_idx: {os.fspath(path)} has {len(content)} bytes, "
            f"expected {start} for the header of {dimensions} dimensions alone"
        )
    dtype = np.dtype(TYPES[code])
    shape = tuple(np.frombuffer(content, ">u4", dimensions, offset=4).tolist())
    if dimensions > 32:
        raise ValueError(
            f"read_idx: {os.fspath(path)} has {dimensions} dimensions, expected at most 32"
        )
    expected = start + math.prod(shape) * dtype.itemsize
    if len(content) != expected:
        raise ValueError(
            f"read_idx: {os.fspath(path)} has {len(content)} bytes, "
            f"expected {expected} for {dtype.name} of shape {shape}"
        )
    if not math.prod(shape) and max(shape) > 2**31:
        raise ValueError(
            f"read_idx: {os.fspath(path)} has the shape {shape}, expected sizes of an array"
        )
    return np.frombuffer(content, dtype, offset=start).reshape(shape).astype(dtype.newbyteorder())


def mnist(folder: str | os.PathLike[str], train: bool = True) -> Dataset:
    """Return MNIST out of the four files of its authors, which must be in `folder` already.

    Fashion-MNIST and other sets with the same file names and ten classes load as well.

    Parameters
    ----------
    folder : path
        Has ``train-images-idx3-ubyte`` and ``train-labels-idx1-ubyte``, or the same names with
        ``t10k`` instead of ``train``; also as ``train-images.idx3-ubyte``, and with ``.gz``.
    train : bool
        The 60,000 images for training, or the 10,000 for testing.

    Returns
    -------
    Dataset
        images (N, 1, 28, 28), labels 0 to 9

    Raises
    ------
    FileNotFoundError
        If a file is missing.
    ValueError
        If a file is damaged, or has no images or labels of digits, or their numbers differ.
    """
    part = "train" if train else "t10k"
    images_path = _find(Path(folder), f"{part}-images", "idx3-ubyte")
    labels_path = _find(Path(folder), f"{part}-labels", "idx1-ubyte")
    images, labels = read_idx(images_path), read_idx(labels_path)
    _check_bytes(images_path, images, "(N, 28, 28)", images.shape[1:] == (28, 28))
    _check_bytes(labels_path, labels, "(N,)", labels.ndim == 1)
    if len(labels) != len(images):
        raise ValueError(
            f"mnist: {labels_path} has {len(labels)} labels, expected {len(images)}, "
            f"as many as {images_path} has images"
        )
    if labels.size and labels.max() > 9:
        raise ValueError(f"mnist: {labels_path} has the label {labels.max()}, expected 0 to 9")
    return from_bytes(images, labels, white=255)


def _content(path: str | os.PathLike[str]) -> bytes:
    """Return the bytes of a file, unpacked if gzip packed them."""
    content = Path(path).read_bytes()
    if content[:2] != b"\x1f\x8b":
        return content
    try:
        return gzip.decompress(content)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ValueError(
            f"read_idx: {os.fspath(path)} has damaged gzip data ({error}), expected a whole file"
        ) from error


def _find(folder: Path, stem: str, kind: str) -> Path:
    """Return the first file that exists of the names in use."""
    names = [f"{stem}{joint}{kind}{end}" for joint in "-." for end in ("", ".gz")]
    for name in names:
        if (folder / name).is_file():
            return folder / name
    raise FileNotFoundError(f"mnist: {folder} has none of the files {', '.join(names)}")


def _check_bytes(path: Path, array: NDArray[Any], axes: str, fits: bool) -> None:
    """Raise ValueError unless `array` has unsigned bytes and a fitting shape."""
    if array.dtype != np.uint8 or not fits:
        raise ValueError(
            f"mnist: {path} has {array.dtype} of shape {array.shape}, expected uint8 of {axes}"
        )
