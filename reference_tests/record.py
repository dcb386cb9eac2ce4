"""A report as plain types, for JSON, and back."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any, TypeVar

from reference_tests.differences import Differences
from reference_tests.faces.summary import summary
from reference_tests.grid import Cell
from reference_tests.report import ORDER, Finding, OperationReport, Report

SCHEMA = 2
T = TypeVar("T")


def to_dict(report: Report) -> dict[str, Any]:
    """Return a report as plain types, as `report.schema.json` describes them."""
    figures = summary(report)
    return {
        "schema": SCHEMA,
        "subject": report.subject,
        "ok": report.ok,
        "seed": report.seed,
        "references": list(report.references),
        "versions": dict(report.versions),
        "notes": list(report.notes),
        "seconds": report.seconds,
        "score": {"verified": figures.verified, "cells": figures.cells},
        "operations": [_operation(operation) for operation in report],
    }


def _operation(operation: OperationReport) -> dict[str, Any]:
    return {
        "name": operation.name,
        "status": operation.status,
        "cases": operation.cases,
        "unsupported": operation.unsupported,
        "seconds": operation.seconds,
        "findings": [_finding(finding) for finding in operation.findings],
        "cells": [{**asdict(cell), "status": cell.status} for cell in operation.cells],
    }


def _finding(finding: Finding) -> dict[str, Any]:
    plain = {**asdict(finding), "id": finding.id}
    plain["units"] = finding.units if math.isfinite(finding.units) else None
    if finding.differences is not None:
        plain["differences"] |= {
            name: [[_number(x) for x in row] for row in getattr(finding.differences, name)]
            for name in ("got", "expected", "units")
        }
    return plain


def _number(number: float) -> float | str:
    """Return a number, or the name of one that JSON has not."""
    return number if math.isfinite(number) else str(number)


def from_dict(plain: Mapping[str, Any]) -> Report:
    """Return the report that `to_dict` made plain.

    Raises
    ------
    ValueError
        If it is no report, or one of another schema.
    """
    if not isinstance(plain, Mapping) or "schema" not in plain:
        raise ValueError("from_dict: the argument has no schema, expected what to_dict returns")
    if plain["schema"] != SCHEMA:
        raise ValueError(f"from_dict: schema is {plain['schema']!r}, expected {SCHEMA}")
    try:
        operations = [_read_operation(operation) for operation in plain["operations"]]
        return _read(Report, plain, operations=operations)
    except KeyError as error:
        raise ValueError(f"from_dict: the report has no {error.args[0]!r}") from error
    except (AttributeError, TypeError) as error:
        raise ValueError(f"from_dict: the report is malformed: {error}") from error


def _read_operation(plain: Mapping[str, Any]) -> OperationReport:
    findings = [_read_finding(finding) for finding in plain["findings"]]
    cells = [_read(Cell, cell) for cell in plain["cells"]]
    return _read(OperationReport, plain, findings=findings, cells=cells)


def _read_finding(plain: Mapping[str, Any]) -> Finding:
    found = plain["differences"]
    if plain["status"] not in ORDER:
        raise ValueError(f"from_dict: a status is {plain['status']!r}, expected {', '.join(ORDER)}")
    if found is not None:
        maps = ("got", "expected", "units")
        numbers = {name: [[float(x) for x in row] for row in found[name]] for name in maps}
        found = _read(Differences, found, **numbers)
    units = math.inf if plain["units"] is None else plain["units"]
    return _read(Finding, plain, differences=found, units=units)


def _read(kind: type[T], plain: Mapping[str, Any], **read: Any) -> T:
    """Return an object whose fields are as in `plain`, but for those that are read already."""
    names = [field.name for field in fields(kind)]  # type: ignore[arg-type]
    return kind(**{name: read[name] if name in read else plain[name] for name in names})
