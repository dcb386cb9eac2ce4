"""Files that are written whole or not at all."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path


def check(path: str | os.PathLike[str]) -> None:
    """Raise OSError or ValueError, with a reason, unless a file can be written at a path."""
    if "\0" in os.fspath(path):
        raise ValueError("embedded null byte")
    place = _place(path)
    if not place.parent.is_dir():
        raise FileNotFoundError("there is no such folder")
    try:
        if place.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if not _special(place):
            # What a folder permits, a file system may still refuse.
            with _beside(place).open("x", encoding="utf-8"):
                pass
            _beside(place).unlink()
    except OSError as error:
        raise OSError(f"it is no file that can be written: {error.strerror}") from error


def write(path: str | os.PathLike[str], text: str) -> None:
    """Write a whole file or none."""
    place = _place(path)
    if _special(place):
        place.write_text(text, encoding="utf-8")
        return
    made = _beside(place)
    try:
        with made.open("x", encoding="utf-8") as file:
            file.write(text)
        if place.exists():
            shutil.copymode(place, made)
        os.replace(made, place)
    except BaseException:
        made.unlink(missing_ok=True)
        raise


def _place(path: str | os.PathLike[str]) -> Path:
    """Return where a path leads: a link is not replaced, but what it names."""
    return Path(os.path.realpath(path))


def _special(place: Path) -> bool:
    """Return whether a place is a device or a pipe, which must not be replaced by a file."""
    return place.exists() and not place.is_file()


def _beside(place: Path) -> Path:
    return place.with_name(f".{place.name}.{os.getpid()}")
