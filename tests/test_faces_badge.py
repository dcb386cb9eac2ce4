"""The badge: a small picture that needs nothing else."""

import xml.etree.ElementTree as ET

import pytest

from reference_tests import Finding, OperationReport, Report
from reference_tests.faces import FACES
from reference_tests.faces.badge import GREEN, GREY, RED

SVG = "{http://www.w3.org/2000/svg}"


def badge(*statuses, subject="mine"):
    operations = [
        OperationReport(f"o{n}", [Finding(f"o{n}", "", "", "", "", status)])
        for n, status in enumerate(statuses)
    ]
    text = FACES["badge"].render(Report(subject, 0, [], {}, operations))
    assert "href" not in text
    return ET.fromstring(text)


@pytest.mark.parametrize(
    ("statuses", "value", "colour"),
    [
        (["passed", "passed"], "2 of 2 passed", GREEN),
        (["passed", "unsupported"], "1 of 2 passed", GREEN),
        (["passed", "failed"], "1 of 2 passed", RED),
        ([], "0 of 0 passed", RED),
        (["passed"] * 108, "108 of 108 passed", GREEN),
    ],
)
def test_the_badge_says_how_many_passed(statuses, value, colour):
    svg = badge(*statuses)
    assert [text.text for text in svg.iter(f"{SVG}text")] == ["reference-tests", value]
    assert [rect.get("fill") for rect in svg.iter(f"{SVG}rect")][1:] == [GREY, colour]
    assert svg.find(f"{SVG}title").text == svg.get("aria-label")
    left, right = list(svg.iter(f"{SVG}rect"))[1:]
    assert int(left.get("width")) + int(right.get("width")) == int(svg.get("width"))


def test_a_name_is_escaped():
    assert (
        badge("passed", subject='<b>"&\0')
        .get("aria-label")
        .startswith('reference-tests: <b>"&\\x00: 1 of 1')
    )


@pytest.mark.parametrize("colour", [GREY, GREEN, RED])
def test_white_letters_can_be_read(colour):
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    luminance = sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
    assert 1.05 / (luminance + 0.05) >= 4.5
