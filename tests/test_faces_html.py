"""The page: it loads nothing, runs nothing of a subject, and is well-formed and accessible."""

import base64
import hashlib
import itertools
import math
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from reference_tests import Finding, OperationReport, Report
from reference_tests.differences import Differences
from reference_tests.faces import FACES, html_
from reference_tests.faces.html_map import heat_map
from reference_tests.faults import FAULTS
from reference_tests.grid import Cell

EVIL = "</script></style><script>alert('x')</script><b>\"'&amp;\0\u202e` onload=x"
FLIPPED = "conv/kernel-flipped"
EMPTY = {"meta", "br", "link", "img", "input", "hr"}
CSS = Path(html_.__file__).with_name("page.css").read_text(encoding="utf-8")


class Page(HTMLParser):
    """What a page has; it fails where an element is not closed."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.text = [], [], ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("script", "style"):
            self.text += data

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


def found(got, expected, units, at=(0, 0), shape=None):
    rows, columns = len(got), len(got[0])
    shape = shape or [rows, columns]
    wrong = sum(u > 1 for row in units for u in row)
    return Differences("f(x)", shape, list(at), wrong, math.prod(shape), got, expected, units)


def finding(status="failed", output="output", **more):
    return Finding("conv2d", output, "value", "float32", "exact", status, **more)


def report(*findings, **more):
    cells = [Cell("output", "every case", 3, 1), Cell("output", "ties", 2), Cell("output", "NaN")]
    operation = OperationReport("conv2d", list(findings), 3, 1, 0.5, cells)
    return Report("mine", 7, ["scipy"], {"python": "3.11", "scipy": "1"}, [operation], **more)


def page(*findings, **more):
    return Page(FACES["html"].render(report(*findings, **more)))


WRONG = finding(
    message="has 1, expected 2",
    diagnosis=[FLIPPED, "no/such"],
    explanation="It is flipped.\nReally.",
    reproduction="print(1)",
    replay="conv2d@0.1",
    units=math.inf,
    differences=found([[1.0, 2.0]], [[3.0, 2.0]], [[math.inf, 0.0]]),
)


def test_the_verdict_comes_first():
    for made, verdict in ((page(finding("passed")), "✓ ok"), (page(WRONG), "✗ not ok")):
        assert made.text.split("\n")[1:] != []
        assert made.text.index(verdict) < made.text.index("Judged against scipy 1, the exact")
    assert "Python 3.11, seed 7" in made.text


def test_a_failure_tells_all_that_is_known():
    made = page(WRONG)
    for part in (
        "conv2d: output differs from exact (value in float32)",
        "has 1, expected 2",
        "It is flipped.\nReally.",
        "print(1)",
        "--replay conv2d@0.1",
        "1 of 2 elements are beyond the bound in f(x)",
        FAULTS[FLIPPED].sentence,
        FAULTS[FLIPPED].hidden_by,
    ):
        assert part in made.text


def test_a_known_mistake_is_a_link_into_the_page():
    made = page(WRONG)
    (link,) = made.all("a")
    assert link["href"] == "#mistake-conv-kernel-flipped"
    assert [a["id"] for a in made.all("article") if "id" in a] == ["mistake-conv-kernel-flipped"]


def test_a_mistake_is_shown_in_the_operation_that_has_it():
    lines = report(WRONG)
    lines.operations[0].findings[0].operation = "conv1d"
    assert "conv1d(x, weight)" in Page(FACES["html"].render(lines)).text
    lines.operations[0].findings[0].operation = "relu"
    assert "conv2d(x, weight)" in Page(FACES["html"].render(lines)).text
    lines.operations[0].findings[0].operation = "conv2d"


def test_the_grid_has_a_table_for_each_operation():
    text = page(WRONG).text
    assert "1 of 3 cells verified" in text
    for cell in ("✗ 1 of 3", "✓ 2", "NaN–"):
        assert cell in text


def test_what_is_not_provided_is_counted():
    absent = OperationReport("tanh")
    text = Page(FACES["html"].render(Report("mine", 0, [], {}, [absent]))).text
    assert "Nothing passed: no operation is provided and supported." in text
    assert re.search(r"Not provided \(\d+ cells\): tanh\.", text)


@pytest.mark.parametrize(
    ("status", "title"),
    [
        ("disputed", "What is disputed: a reference lies outside the bound"),
        ("noted", "What was noted"),
        ("unsupported", "What was not judged"),
        ("expected failure", "What was not judged"),
    ],
)
def test_what_is_no_failure_has_its_section(status, title):
    text = page(finding("passed"), finding(status, "grad_input", message="the reason")).text
    assert title in text
    assert text.index(title) < text.index("the reason")
    assert "What is wrong" not in text


def test_nothing_of_a_subject_is_html():
    evil = Finding(EVIL, EVIL, EVIL, EVIL, EVIL, "failed", EVIL, 1, 2.0, EVIL, EVIL, [EVIL], EVIL)
    evil.differences = found([[1.0]], [[2.0]], [[3.0]])
    evil.differences.case = EVIL
    noted = Finding(EVIL, EVIL, EVIL, EVIL, EVIL, "noted", EVIL)
    operation = OperationReport(EVIL, [evil, noted], cells=[Cell(EVIL, EVIL, 1)])
    made = Report(EVIL, 0, [EVIL], {EVIL: EVIL, "python": EVIL}, [operation], [EVIL])
    text = FACES["html"].render(made)
    harmless = Page(text)
    assert len(harmless.all("script")) == len(harmless.all("style")) == 1
    assert harmless.all("b") == []
    allowed = {"class", "id", "href", "type", "data-copies", "data-head", "hidden", "tabindex"}
    allowed |= {"role", "aria-label", "title", "scope", "open", "lang", "charset", "content"}
    allowed |= {"name", "http-equiv"}
    assert {name for _, attributes in harmless.tags for name in attributes} <= allowed
    assert "\0" not in text
    assert "\u202e" not in text


def test_the_page_loads_nothing():
    text = FACES["html"].render(report(WRONG))
    made = Page(text)
    for tag, attributes in made.tags:
        assert "src" not in attributes, tag
        assert "style" not in attributes, tag
        assert attributes.get("href", "#").startswith("#")
    assert not re.search(r"url\(|@import|https?:", text)


def test_the_policy_allows_this_style_and_this_script_only():
    text = FACES["html"].render(report(WRONG))
    policy = next(m["content"] for m in Page(text).all("meta") if "http-equiv" in m)
    assert policy.startswith("default-src 'none';")
    for tag in ("style", "script"):
        inside = re.search(f"<{tag}>(.*?)</{tag}>", text, re.DOTALL)[1]
        digest = base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy


def test_the_page_can_be_used_without_eyes_and_without_a_mouse():
    made = page(WRONG)
    assert made.all("html") == [{"lang": "en"}]
    levels = [int(tag[1]) for tag, _ in made.tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    assert all("scope" in head for head in made.all("th"))
    ids = [attributes["id"] for _, attributes in made.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    boxes = [a for a in made.all("div") if a.get("class", "").startswith("box")]
    assert boxes
    for box in boxes:
        assert (box["tabindex"], box["role"]) == ("0", "region")
        assert box["aria-label"]
    assert all(button["data-copies"] in ids for button in made.all("button"))


def test_a_long_text_is_cut():
    text = FACES["html"].render(report(finding(message="y" * 10**6)))
    assert len(text) < 100_000
    assert "… (1,000,000 characters)" in text


def test_a_small_map_shows_numbers():
    made = Page(heat_map(found([[1.0, 2.5]], [[3.0, 2.5]], [[math.inf, 0.0]], (0, 4), [1, 6])))
    wrong, right = (cell for cell in made.all("td") if "title" in cell)
    assert wrong == {"class": "number level-3", "title": "1, expected 3; error / bound inf"}
    assert right["class"] == "number"
    # The first column that is shown is the fifth.
    assert re.search(r"4\s*5", made.text)


def test_a_large_map_shows_signs():
    got = [[float(c) for c in range(9)]]
    units = [[2.0 if c > 5 else 0.5 for c in range(9)]]
    made = Page(heat_map(found(got, [[0.0] * 9], units)))
    levels = [cell["class"] for cell in made.all("td") if "title" in cell]
    assert levels == ["sign"] * 6 + ["sign level-3"] * 3
    assert made.text.count("×") == 3


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_a_map_has_places_for_what_is_no_number(number):
    each = found([[number, 1.0]], [[1.0, 2.0]], [[math.inf, 5.0]])
    levels = [cell["class"] for cell in Page(heat_map(each)).all("td") if "title" in cell]
    assert levels == ["number level-3", "number level-3"]


def test_the_redder_the_larger():
    each = found([[1.0, 5.0, 9.0]], [[0.0, 0.0, 0.0]], [[9.0, 9.0, 9.0]])
    levels = [cell["class"] for cell in Page(heat_map(each)).all("td") if "title" in cell]
    assert levels == ["number level-1", "number level-2", "number level-3"]


def test_a_map_of_one_number():
    assert "1 of 1 elements" in Page(heat_map(found([[1.0]], [[0.0]], [[2.0]], (), []))).text


def luminance(colour):
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_every_text_has_contrast(scheme):
    block = re.findall(r":root \{(.*?)\}", CSS, re.DOTALL)[scheme]
    colours = {n: c * 2 if len(c) == 3 else c for n, c in re.findall(r"--([\w-]+): #(\w+);", block)}
    pairs = [(ink, under) for ink in ("ink", "faint", "link") for under in ("paper", "raised")]
    pairs += [("ink", f"level-{n}") for n in (1, 2, 3)]
    pairs += [(c, under) for c in ("good", "bad", "odd") for under in ("paper", f"{c}-paper")]
    for ink, under in pairs:
        one, other = sorted(luminance("#" + colours[name]) for name in (ink, under))
        assert (other + 0.05) / (one + 0.05) >= 4.5, (ink, under)


def test_a_report_writes_its_page(tmp_path):
    path = tmp_path / "report.html"
    made = report(WRONG)
    made.to_html(path)
    assert path.read_text(encoding="utf-8") == FACES["html"].render(made)
