"""The JUnit face: what CI services read, whatever a subject says."""

import xml.etree.ElementTree as ET

import pytest

from reference_tests import Finding, OperationReport, Report
from reference_tests.faces import FACES
from reference_tests.faces.text import visible
from reference_tests.report import ORDER

EVIL = "<b>&amp;]]></b>\0\x08\x1b[31m\ud800\uffff\u202e\r\nnext"


def finding(status, check="value", dtype="float32", reference="exact", **more):
    return Finding("relu", "output", check, dtype, reference, status, **more)


def suites(*findings, **more):
    operations = [OperationReport("relu", list(findings), 3, 0, 1.5), OperationReport("tanh")]
    report = Report("mine", 7, ["scipy"], {"python": "3"}, operations, seconds=2.0, **more)
    return ET.fromstring(FACES["junit"].render(report))


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ("error", "error"),
        ("failed", "failure"),
        ("unexpected pass", "failure"),
        ("untrusted", "failure"),
        ("disputed", "system-out"),
        ("expected failure", "skipped"),
        ("passed", None),
        ("noted", "system-out"),
        ("unsupported", "skipped"),
        ("no reference", "skipped"),
        ("not provided", "skipped"),
    ],
)
def test_every_status_has_its_element(status, kind):
    assert status in ORDER
    (case,) = suites(finding(status, message="why")).findall("testsuite[1]/testcase")
    assert [child.tag for child in case] == ([kind] if kind else [])
    if kind in ("error", "failure", "skipped"):
        assert case[0].get("message") == "why"
    if kind in ("error", "failure"):
        assert case[0].get("type") == status


def test_no_status_is_forgotten():
    assert {f"{len(suites(finding(s)))}" for s in ORDER} == {"2"}


def test_a_case_is_an_operation_an_output_and_a_check():
    found = suites(
        finding("passed"),
        finding("failed", reference="scipy", message="has 1"),
        finding("passed", check="dtype"),
    )
    cases = found.findall("testsuite[1]/testcase")
    assert [case.get("name") for case in cases] == ["output value", "output dtype"]
    assert {case.get("classname") for case in cases} == {"mine.relu"}
    assert [case.find("failure") is not None for case in cases] == [True, False]
    assert [case.get("time") for case in cases] == ["0.750", "0.750"]


def test_a_failure_has_the_whole_text():
    wrong = finding("failed", message="has 1", reproduction="x = 1\nprint(x)", explanation="a sign")
    text = suites(wrong).find(".//failure").text
    for part in ("relu: output differs from exact", "has 1", "print(x)", "a sign"):
        assert part in text


def test_counts_are_those_of_the_elements():
    root = suites(
        finding("failed"),
        finding("error", check="call"),
        finding("unsupported", check="parameters"),
        finding("passed", check="dtype"),
    )
    for element in (root, *root):
        for count, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            assert int(element.get(count)) == len(element.findall(f".//{tag}"))
        assert int(element.get("tests")) == len(element.findall(".//testcase"))
    assert [int(root.get(n)) for n in ("tests", "failures", "errors", "skipped")] == [5, 1, 1, 2]


def test_an_operation_that_is_not_provided_is_skipped_with_the_reason():
    (case,) = suites(finding("passed")).findall("testsuite[2]/testcase")
    assert case.find("skipped").get("message") == "there is no function"


def test_versions_and_seed_are_properties():
    root = suites(finding("passed"))
    properties = {p.get("name"): p.get("value") for p in root.findall("testsuite[1]//property")}
    assert properties == {"seed": "7", "cases": "3", "python": "3"}


def test_what_is_no_danger_stays():
    assert visible("é\u00a0× 漢字 😀\ttab\nline") == "é\u00a0× 漢字 😀\ttab\nline"
    assert visible("\r\x7f\u200e\u2028") == r"\r\x7f\u200e\u2028"


def test_whatever_a_message_contains_is_valid_xml():
    operation = OperationReport(EVIL, [Finding(EVIL, EVIL, EVIL, "", "", "error", EVIL)])
    report = Report(EVIL, 0, [], {EVIL: EVIL}, [operation])
    text = FACES["junit"].render(report)
    root = ET.fromstring(text.encode())
    message = root.find(".//error").get("message")
    assert message == "<b>&amp;]]></b>\\x00\\x08\\x1b[31m\\ud800\\uffff\\u202e\\r\nnext"
    assert message in root.find(".//error").text
    assert root.get("name") == message
