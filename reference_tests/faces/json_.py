"""The report as JSON; `report.schema.json` beside this file says what is in it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from reference_tests.report import Report


def render(report: Report) -> str:
    """Return the report as JSON text, all of it ASCII."""
    return json.dumps(report.to_dict(), indent=1, allow_nan=False) + "\n"


def schema() -> dict[str, Any]:
    """Return the JSON Schema of a report."""
    text = Path(__file__).with_name("report.schema.json").read_text(encoding="utf-8")
    made: dict[str, Any] = json.loads(text)
    return made
