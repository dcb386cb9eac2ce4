"""The faces of a report beside the terminal: files for people, for programs and for services."""

from __future__ import annotations

import importlib
import os
from typing import NamedTuple

from reference_tests import files
from reference_tests.report import Report


class Face(NamedTuple):
    """The module here that renders a report, and what its file is good for."""

    module: str
    help: str

    def render(self, report: Report) -> str:
        """Return the text of the file."""
        text: str = importlib.import_module(f"reference_tests.faces.{self.module}").render(report)
        return text


FACES = {
    "json": Face("json_", "all that is known, by the schema of docs/report.md"),
    "junit": Face("junit", "JUnit XML, which CI services read"),
    "markdown": Face("markdown", "Markdown for a pull request, short enough for a comment"),
    "html": Face("html_", "one page for a browser, which needs no network"),
    "badge": Face("badge", "an SVG badge"),
}


def write(report: Report, name: str, path: str | os.PathLike[str]) -> None:
    """Write one face of a report, the whole file or none of it."""
    files.write(path, FACES[name].render(report))
