"""The JSON face: its schema holds for every report, and a report is the same when read again."""

import json
import math

import jsonschema
import numpy as np
import pytest

from reference_tests import (
    CATALOGUE,
    Case,
    Finding,
    Implementation,
    OperationReport,
    Report,
    Spec,
    verify,
)
from reference_tests.differences import SIDE, Differences, differences
from reference_tests.faces import FACES, json_
from reference_tests.grid import Cell
from reference_tests.record import SCHEMA
from reference_tests.references.exact import subject as naive
from reference_tests.report import ORDER


def nan_lost(x):
    return np.where(np.isnan(x), 0, naive.operations["relu"](x)[0])


SUBJECT = Implementation("mine", {"relu": nan_lost, "tanh": naive.operations["tanh"]})
VALID = jsonschema.Draft202012Validator(json_.schema())


@pytest.fixture(scope="module")
def report():
    return verify(SUBJECT, ["relu", "tanh", "conv1d"], [], examples=15, diagnose=False)


def of(finding):
    return Report("a", 0, [], {}, [OperationReport("relu", [finding])])


def test_the_schema_is_one():
    jsonschema.Draft202012Validator.check_schema(json_.schema())
    assert json_.schema()["properties"]["schema"]["const"] == SCHEMA
    assert json_.schema()["$defs"]["status"]["enum"] == list(ORDER)


def test_a_report_is_as_the_schema_says(report):
    plain = json.loads(FACES["json"].render(report))
    VALID.validate(plain)
    (relu, tanh, missing) = plain["operations"]
    assert [o["status"] for o in (relu, tanh, missing)] == ["failed", "passed", "not provided"]
    found = next(f["differences"] for f in relu["findings"] if f["differences"])
    # What is lost here is NaN, which JSON has not.
    assert "nan" in np.ravel(found["expected"]).tolist()
    assert "inf" in np.ravel(found["units"]).tolist()


@pytest.mark.parametrize(
    ("change", "value"),
    [("schema", 1), ("ok", None), ("seed", "0"), ("operations", {}), ("more", 1), ("seconds", -1)],
)
def test_the_schema_refuses_what_is_no_report(report, change, value):
    plain = {**report.to_dict(), change: value}
    assert not VALID.is_valid(plain)


def test_the_schema_has_every_field_of_the_classes(report):
    definitions = json_.schema()["$defs"]
    for name, kind in (("finding", Finding), ("cell", Cell), ("differences", Differences)):
        properties = definitions[name]["properties"]
        assert set(kind.__dataclass_fields__) <= set(properties)
        assert set(definitions[name]["required"]) == set(properties)


def test_a_report_that_is_read_again_is_the_same(report):
    plain = json.loads(FACES["json"].render(report))
    again = Report.from_dict(plain)
    assert again.to_dict() == plain
    assert again.ok is report.ok
    assert again.text() == report.text()
    assert [operation.cells for operation in again] == [o.cells for o in report]


def test_an_infinite_error_survives():
    finding = Finding("relu", "output", "exact", "float64", "exact", "failed", units=math.inf)
    plain = of(finding).to_dict()
    VALID.validate(plain)
    assert plain["operations"][0]["findings"][0]["units"] is None
    assert Report.from_dict(plain).findings == [finding]


def test_texts_that_no_encoding_has_survive():
    finding = Finding("relu", "output", "call", "", "", "error", "\ud800\x00\u202e</script>")
    text = FACES["json"].render(of(finding))
    assert text.isascii()
    assert Report.from_dict(json.loads(text)).findings == [finding]


@pytest.mark.parametrize(
    ("plain", "message"),
    [
        ([], "from_dict: the argument has no schema, expected what to_dict returns"),
        ({}, "from_dict: the argument has no schema"),
        ({"schema": 1}, "from_dict: schema is 1, expected 2"),
        ({"schema": 2}, "from_dict: the report has no 'operations'"),
        ({"schema": 2, "operations": []}, "from_dict: the report has no 'subject'"),
        ({"schema": 2, "operations": 3}, "from_dict: the report is malformed"),
        ({"schema": 2, "operations": [{"findings": [{}]}]}, "the report has no 'differences'"),
    ],
)
def test_what_is_no_report_is_refused(plain, message):
    with pytest.raises(ValueError, match=message):
        Report.from_dict(plain)


def test_an_unknown_status_is_refused(report):
    plain = report.to_dict()
    plain["operations"][0]["findings"][0]["status"] = "perfect"
    with pytest.raises(ValueError, match="from_dict: a status is 'perfect', expected error, fail"):
        Report.from_dict(plain)


def test_differences_are_the_elements_around_the_worst():
    def late(x):
        y, back = naive.operations["relu"](x)
        y = y.copy()
        y.flat[-1:] += 1
        return y, back

    report = verify(Implementation("late", {"relu": late}), ["relu"], [], 20, diagnose=False)
    found = [f.differences for f in report.findings if f.differences]
    assert found
    for each in found:
        rows, columns = np.shape(each.got)
        assert np.shape(each.expected) == np.shape(each.units) == (rows, columns)
        assert max(rows, columns) <= SIDE
        wrong = np.array(each.units) > 1
        assert (each.wrong, wrong.sum()) == (1, 1)
        # The last element is wrong, so the last that is shown is.
        assert wrong[-1, -1]
        last = [*each.at[:-2], each.at[-2] + rows - 1] if len(each.shape) > 1 else []
        assert [*last, each.at[-1] + columns - 1] == [n - 1 for n in each.shape]
        assert each.size == math.prod(each.shape)


@pytest.mark.parametrize(
    ("check", "returned"),
    [
        ("exact", lambda x: x),
        ("shape", lambda x: x),
        ("value", lambda x: x[:0]),
        ("value", lambda x: np.full(x.shape, "text")),
        ("value", lambda x: 1 / 0),
    ],
    ids=["not exact", "no such check", "another shape", "text", "an error"],
)
def test_where_there_are_no_numbers_there_are_no_differences(check, returned):
    operation = CATALOGUE["tanh"]
    assert operation.exact_scale is None
    case = Case({"x": Spec((2,))})
    assert differences(returned, operation, case, "output", check, "float64") is None
    empty = Case({"x": Spec((0,))})
    assert differences(np.tanh, operation, empty, "output", "value", "float64") is None


def test_the_schema_is_part_of_the_package():
    assert json_.schema()["title"] == "A report of reference-tests"
    assert set(FACES) == {"json", "junit", "markdown", "html", "badge"}
    assert set(CATALOGUE) >= {"relu", "tanh", "conv1d"}
