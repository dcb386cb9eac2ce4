"""The report as JUnit XML: a test case for each operation, output and check."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from reference_tests.faces.text import visible
from reference_tests.report import ORDER, Finding, OperationReport, Report, grouped

# What becomes of a status that is no pass. What is disputed or noted does not count.
_KINDS = {
    "error": "error",
    "failed": "failure",
    "unexpected pass": "failure",
    "untrusted": "failure",
    "disputed": "system-out",
    "noted": "system-out",
    "expected failure": "skipped",
    "unsupported": "skipped",
    "no reference": "skipped",
    "not provided": "skipped",
}


def render(report: Report) -> str:
    """Return the report as JUnit XML.

    A case has the status of the worst of its dtypes and references. The time of an operation is
    shared out equally among its cases.
    """
    root = ET.Element("testsuites", name=visible(report.subject), time=_seconds(report.seconds))
    suites = [_suite(report, operation) for operation in report]
    root.extend(suites)
    for count in ("tests", "failures", "errors", "skipped"):
        root.set(count, str(sum(int(suite.get(count, 0)) for suite in suites)))
    ET.indent(root, " ")
    text = ET.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'


def _suite(report: Report, operation: OperationReport) -> ET.Element:
    suite = ET.Element("testsuite", name=visible(operation.name), time=_seconds(operation.seconds))
    properties = ET.SubElement(suite, "properties")
    facts = {"seed": report.seed, "cases": operation.cases, **report.versions}
    for name, value in facts.items():
        ET.SubElement(properties, "property", name=visible(name), value=visible(value))
    groups: dict[tuple[str, str], list[Finding]] = {}
    for finding in operation.findings:
        groups.setdefault((finding.output, finding.check), []).append(finding)
    if not groups:
        nothing = Finding(operation.name, "", "", "", "", "not provided", "there is no function")
        groups["operation", ""] = [nothing]
    share = operation.seconds / len(groups)
    cases = [_case(report.subject, place, found, share) for place, found in groups.items()]
    suite.extend(cases)
    counts = {"tests": len(cases)}
    for count, kind in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        counts[count] = sum(case.find(kind) is not None for case in cases)
    suite.attrib.update({count: str(number) for count, number in counts.items()})
    return suite


def _case(
    subject: str, place: tuple[str, str], findings: list[Finding], seconds: float
) -> ET.Element:
    worst = min(findings, key=lambda finding: ORDER.index(finding.status))
    case = ET.Element(
        "testcase",
        classname=visible(f"{subject}.{worst.operation}"),
        name=visible(" ".join(part for part in place if part)),
        time=_seconds(seconds),
    )
    kind = _KINDS.get(worst.status)
    if kind is None:
        return case
    told = ET.SubElement(case, kind)
    mine = [finding for finding in findings if finding.status == worst.status]
    if kind in ("failure", "error"):
        told.set("type", worst.status)
    if kind != "system-out":
        told.set("message", visible(worst.message or worst.status))
    if kind != "skipped":
        told.text = visible(grouped(mine)[0])
    return case


def _seconds(seconds: float) -> str:
    return f"{seconds:.3f}"
