"""The Markdown face: short enough for a comment, and nothing of a subject is Markdown."""

import re

import pytest

from reference_tests import Finding, OperationReport, Report
from reference_tests.faces import FACES
from reference_tests.faces.markdown import LIMIT, LONGEST_CODE, fenced, literal

EVIL = "<script>alert(1)</script> | @team #1 `a` **b** [c](d) _e_ ![f](g) $h$ :i: ~~j~~ \\ www.k.l"


def finding(number=0, status="failed", **more):
    return Finding(f"relu{number}", "output", "value", "float32", "exact", status, **more)


def render(*findings, **more):
    operations = [OperationReport(each.operation, [each]) for each in findings]
    return FACES["markdown"].render(Report("mine", 0, [], {"python": "3"}, operations, **more))


def test_a_report_that_is_ok_is_short():
    text = render(finding(status="passed"))
    assert text.startswith("### ✅ mine: ok: 1 of 1 operations passed\n")
    assert "<details>" not in text
    assert "|" not in text


def test_nothing_passed_is_said():
    assert "Nothing passed" in render(finding(status="unsupported"))


def test_a_failure_is_a_row_and_folded_details():
    text = render(
        finding(
            message="has 1",
            units=3.14159,
            diagnosis=["conv/a-b"],
            explanation="The sign.",
            reproduction="print(1)",
            replay="relu0@0.1",
        )
    )
    assert "| relu0: output failed | value | 3.14 | conv/a-b |" in text
    for part in ("```python\nprint(1)\n```", "```\nThe sign.\n```", "Known as conv/a-b."):
        assert part in text
    assert "<code>--replay relu0&#64;0.1</code>" in text
    assert text.count("<details>") == text.count("</details>") == 1


@pytest.mark.parametrize(
    ("status", "title"),
    [
        ("disputed", "1 disputed"),
        ("noted", "1 noted"),
        ("unsupported", "1 not judged, or expected to fail"),
        ("expected failure", "1 not judged, or expected to fail"),
    ],
)
def test_what_is_no_failure_is_folded(status, title):
    text = render(finding(status="passed"), finding(1, status, message="why"))
    assert f"<details><summary>{title}</summary>" in text
    assert f"- relu1 output {status}&#58; why" in text


def test_nothing_of_a_text_is_markdown():
    text = literal(EVIL)
    assert not re.search(r"[<>|@`*_\[\]!$~\\:]", text)
    assert not re.search(r"#(?!\d+;)", text)
    assert "www" not in text
    assert literal("a\n\nb\x1b") == "a b&#92;x1b"
    assert literal("grad ± 1e-5 (3, 2)") == "grad ± 1e-5 (3, 2)"


def test_nothing_of_a_subject_is_markdown():
    made = Finding(EVIL, EVIL, EVIL, "", "", "failed", EVIL, replay=EVIL, diagnosis=[EVIL])
    operation = OperationReport(EVIL, [made])
    text = FACES["markdown"].render(Report(EVIL, 0, [EVIL], {EVIL: EVIL}, [operation], [EVIL]))
    assert "<script" not in text
    assert "@team" not in text
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert {line.count("|") for line in rows} == {5}


@pytest.mark.parametrize("text", ["a```b", "```\nx", "````", "`" * 50, ""])
def test_a_fence_is_longer_than_any_in_the_text(text):
    first, *middle, last = fenced(text).split("\n")
    assert first == last
    assert "\n".join(middle) == text
    assert first not in text


def test_code_is_cut_with_a_note():
    text = fenced("x" * 100_000)
    assert len(text) < LONGEST_CODE + 20
    assert "… (100,000 characters)\n```" in text


@pytest.mark.parametrize(("count", "length"), [(30, 5000), (3000, 10), (2, 10**5), (700, 60)])
def test_the_text_is_never_too_long(count, length):
    text = render(*(finding(n, message="y" * 50, reproduction="x" * length) for n in range(count)))
    assert len(text) <= LIMIT
    assert text.count("<details>") == text.count("</details>")
    assert text.count("```") % 2 == 0
    if count > 2:
        assert re.search(r"… (\d+ more parts are left out|the table is cut) here", text)
        # As much as there is room for.
        assert len(text) > LIMIT - 6500
