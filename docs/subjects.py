"""docs/subjects.md: what the judge says of other people's released code, made by a run.

``python docs/subjects.py --environments FOLDER --make`` makes an environment for each project,
with the versions below; ``--write`` judges each in its own and writes the page. With ``--reports
FOLDER`` the reports are kept there, and those that are there already are not made anew. What the
findings mean stands in subjects.toml: each description is bound to findings, and the page is not
written if one of them no longer occurs, or if one that occurs is not described.
"""

from __future__ import annotations

import argparse
import fnmatch
import json
import subprocess
import sys
import tempfile
import textwrap
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

DOCS = Path(__file__).parent
EXAMPLES = DOCS.parent / "examples"
WORDS, PAGE = DOCS / "subjects.toml", DOCS / "subjects.md"
FAILING = ("error", "failed")
# Whether a call is refused that all should refuse is counted, and not described.
COUNTED = "invalid input"
# What is seen without a right value to compare with.
SEEN = ("call", "shape", "dtype", "purity", "layout", "repeatability", "nan")
HEADS = (
    "operation",
    "output",
    "status",
    "error / bound",
    "cases",
    "unsupported",
    "also",
    "diagnosis",
)
TITLES = {"exact": "exact", "torch": "PyTorch", "scipy": "SciPy", "jax": "JAX"}
KINDS = {
    "error": "**Suspected errors**",
    "accuracy": "**Accuracy**",
    "convention": "**Other conventions**",
}


class Project(NamedTuple):
    """What is installed, and how it is judged."""

    title: str
    packages: tuple[str, ...]
    examples: int = 12
    dtypes: tuple[str, ...] = ("float32", "float64")
    references: tuple[str, ...] = ("torch", "scipy")


# A NumPy of its time for what was released before NumPy 2.
PROJECTS = {
    "autograd": Project(
        "autograd", ("autograd==1.9.0", "scipy==1.17.1", "numpy==2.4.6"), examples=24
    ),
    "chainer": Project("Chainer", ("chainer==7.8.1", "numpy==1.26.4")),
    "dezero": Project(
        "DeZero",
        ("dezero==0.0.13", "numpy==1.23.5", "matplotlib==3.7.5", "contourpy==1.1.1"),
    ),
    "mygrad": Project("MyGrad", ("mygrad==2.5.0", "numpy==2.4.6")),
    "neuralnetlib": Project(
        "neuralnetlib", ("neuralnetlib==5.0.0", "numpy==2.4.6"), dtypes=("float64",)
    ),
    "numpy_ml": Project(
        "numpy-ml", ("numpy-ml==0.1.2", "numpy==1.23.5", "scipy==1.11.4"), dtypes=("float64",)
    ),
    "pydynet": Project("PyDyNet", ("pydynet==1.1", "numpy==2.4.6"), examples=8),
    "smallpebble": Project("SmallPebble", ("smallpebble==3.0.5", "numpy==2.4.6")),
    "synapgrad": Project("synapgrad", ("synapgrad==1.0.0", "numpy==2.4.6"), examples=24),
    # JAX compiles each shape of each dtype anew.
    "jax": Project("JAX", ("jax==0.10.2", "numpy==2.4.6"), examples=2, dtypes=("float32",)),
    "pytorch": Project(
        "PyTorch",
        ("torch==2.13.0", "numpy==2.4.6", "gmpy2==2.3.2"),
        examples=2,
        dtypes=("float32",),
        references=("scipy", "jax"),
    ),
}


def make(folder: Path, names: Sequence[str]) -> None:
    """Make an environment for each project."""
    for name in names:
        place = folder / name
        subprocess.run([sys.executable, "-m", "venv", str(place)], check=True)
        pip = [str(place / "bin" / "python"), "-m", "pip", "install", "--quiet"]
        subprocess.run([*pip, *PROJECTS[name].packages], check=True)


def judged(name: str, folder: Path, reports: Path) -> dict[str, Any]:
    """Return the report about a project, from a run in its environment."""
    path, project = reports / f"{name}.json", PROJECTS[name]
    if not path.exists():
        options = [f"--reference={each}" for each in project.references]
        options += [f"--dtype={each}" for each in project.dtypes]
        command = [
            *(sys.executable, "-m", "reference_tests.cli"),
            f"{EXAMPLES / name}_subject.py:subject",
            f"--python={folder / name / 'bin' / 'python'}",
            f"--examples={project.examples}",
            f"--json={path}",
            *options,
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode not in (0, 1):
            raise SystemExit(f"{name}: {done.stderr or done.stdout}")
    report: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return report


def failing(operation: Mapping[str, Any]) -> dict[str, list[Mapping[str, Any]]]:
    """Return the failing findings of an operation by their id, without those that are counted."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for finding in operation["findings"]:
        if finding["status"] in FAILING and finding["check"] != COUNTED:
            found.setdefault(finding["id"], []).append(finding)
    return found


def oracles(operation: Mapping[str, Any], name: str) -> list[str]:
    """Return who says that the output of a finding is wrong."""
    output = name.split(":")[1]
    against = [
        finding["reference"]
        for finding in operation["findings"]
        if finding["output"] == output
        and finding["status"] == "failed"
        and finding["check"] in ("exact", "value")
    ]
    return [title for each, title in TITLES.items() if each in against]


def table(report: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines of a project's table."""
    yield f"| {' | '.join(HEADS)} |"
    yield f"|{'---|' * len(HEADS)}"
    for operation in report["operations"]:
        outputs = dict.fromkeys(f["output"] for f in operation["findings"] if f["output"])
        for place, output in enumerate(outputs):
            mine = [f for f in operation["findings"] if f["output"] == output]
            yield row(operation, output, mine, first=place == 0)


def row(
    operation: Mapping[str, Any], output: str, mine: Sequence[Mapping[str, Any]], first: bool
) -> str:
    """Return one line of a table."""
    values = [f for f in mine if f["check"] in ("value", "exact") and f["reference"] == "exact"]
    units = [f["units"] for f in values]
    worst = "∞" if None in units else f"{max(units, default=0.0):.3g}"
    bad = [f for f in mine if f["status"] in FAILING]
    checks = dict.fromkeys(f["check"] for f in bad if f["check"] != COUNTED)
    status = "error" if any(f["status"] == "error" for f in bad) else "differs"
    accepted = [f for f in mine if f["check"] == COUNTED and f["status"] != "passed"]
    refusals = "accepts invalid input" if accepted else ""
    rest = [check for check in checks if check not in ("value", "exact", "call")]
    named = dict.fromkeys(each for f in bad for each in f["diagnosis"])
    share = operation["unsupported"] / max(operation["unsupported"] + operation["cases"], 1)
    return "| {} |".format(
        " | ".join(
            [
                f"`{operation['name']}`" if first else "",
                output,
                status if checks else "passed" if values or mine else "–",
                worst if values else "–",
                str(operation["cases"]) if first else "",
                f"{share:.0%}" if first else "",
                ", ".join([*rest, refusals] if refusals else rest),
                ", ".join(f"`{each}`" for each in named),
            ]
        )
    )


def bound(report: Mapping[str, Any], words: Sequence[Mapping[str, Any]], name: str) -> list[Any]:
    """Return each description with its findings, or raise if they do not match the report's."""
    known = {
        finding: (operation, found)
        for operation in report["operations"]
        for finding, found in failing(operation).items()
    }
    described, left = [], set(known)
    problems = []
    for each in words:
        matched = [
            finding
            for finding in known
            if any(fnmatch.fnmatchcase(finding, pattern) for pattern in each["findings"])
        ]
        for pattern in each["findings"]:
            if not fnmatch.filter(known, pattern):
                problems.append(f"{name}: {pattern} is described, and does not occur")
        if each["kind"] == "error":
            problems += unconfirmed(name, matched, known)
        left -= set(matched)
        described.append((each, [(finding, *known[finding]) for finding in matched]))
    problems += [
        f"{name}: {finding} occurs, and is not described: {known[finding][1][0]['message'][:150]}"
        for finding in sorted(left)
    ]
    if problems:
        raise SystemExit("\n".join(problems))
    return described


def unconfirmed(name: str, matched: Sequence[str], known: Mapping[str, Any]) -> list[str]:
    """Return what stops findings from being called errors: fewer than two oracles."""
    return [
        f"{name}: {finding} is called an error by {len(oracles(known[finding][0], finding))} oracle"
        for finding in matched
        if finding.split(":")[2] not in SEEN and len(oracles(known[finding][0], finding)) < 2
    ]


def told(described: Sequence[Any]) -> Iterator[str]:
    """Yield the findings of a project in words."""
    for kind, title in KINDS.items():
        mine = [(words, found) for words, found in described if words["kind"] == kind]
        if not mine:
            continue
        yield f"{title}\n"
        for words, found in mine:
            yield wrapped(words["text"], "- ")
            if kind == "error":
                yield from evidence(found, words.get("also", ""))
        yield ""


def wrapped(text: str, first: str) -> str:
    """Return a paragraph of a list."""
    paragraph = textwrap.TextWrapper(100, first, "  " if first else "")
    paragraph.break_long_words = paragraph.break_on_hyphens = False
    return paragraph.fill(" ".join(text.split()))


def evidence(found: Sequence[Any], also: str) -> Iterator[str]:
    """Yield what shows an error: who says so, and the smallest case."""
    # What the exact tier shows has small integers.
    finding, operation, each = min(found, key=lambda item: not item[0].endswith(":exact"))
    against = oracles(operation, finding)
    by = f" Against {', '.join(against)}." if against else ""
    message = " ".join(each[0]["message"].split())
    yield f"\n{wrapped(f'`{finding}`: {message}.{by} {also}', '  ')}"
    reproduction = each[0]["reproduction"]
    if reproduction and len(reproduction) < 1200:
        yield "\n  ```python"
        yield from (f"  {line}" for line in reproduction.splitlines())
        yield "  ```"


def disputed(report: Mapping[str, Any]) -> Iterator[str]:
    """Yield which references lie outside the bound themselves, and where."""
    for reference in report["references"]:
        where = {
            f"`{finding['operation']}` {finding['output']}": None
            for operation in report["operations"]
            for finding in operation["findings"]
            if finding["status"] == "disputed" and finding["reference"] == reference
        }
        if where:
            yield wrapped(
                f"{TITLES[reference]} itself is outside the bound: {', '.join(where)}.", ""
            )
            yield ""


HEAD = """# What the judge says of released code

Made by `python docs/subjects.py`, from a run in an environment for each project; the subjects are
in [examples](../examples). Each is short: what a project names differently is renamed there, what
it says that it lacks is a limit, and a documented convention is translated.

A finding is called a suspected *error* only if the exact oracle and at least one other (PyTorch,
SciPy, JAX) disagree with it, or if it shows without any: a call that raises, an argument that is
changed. All findings are about these releases, with these arguments. *Conventions* are differences
with which a network may be trained as well. *Accuracy* is a formula that is right, and cancels or
overflows. NaN, infinities and empty arrays are not asked for. The column *also* has other checks;
"accepts invalid input" means that one or more of the calls that PyTorch refuses are answered.
"""


def page(reports: Mapping[str, Mapping[str, Any]], words: Mapping[str, Any]) -> str:
    """Return the page."""
    parts = [HEAD]
    for name, report in reports.items():
        project = PROJECTS[name]
        described = bound(report, words.get(name, {}).get("described", ()), name)
        versions = report["versions"]
        place = f"{', '.join(project.packages)}; Python {versions['python']}".replace("==", " ")
        judged_in = f"{' and '.join(project.dtypes)}, {project.examples} cases an operation"
        parts.append(f"## {project.title}\n\n{place}; {judged_in}, seed {report['seed']}.\n")
        parts += list(told(described))
        parts += list(disputed(report))
        parts.append("\n".join(table(report)) + "\n")
    return "\n".join(parts)


def main() -> None:
    """Make the environments, or write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--environments", type=Path, required=True)
    parser.add_argument("--reports", type=Path)
    parser.add_argument("--project", action="append", choices=PROJECTS)
    parser.add_argument("--make", action="store_true")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    if options.write and options.project:
        parser.error("the page has all projects: --write goes without --project")
    names = options.project or list(PROJECTS)
    if options.make:
        make(options.environments, names)
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.reports or Path(temporary)
        if options.write or options.reports:
            reports = {name: judged(name, options.environments.resolve(), folder) for name in names}
            words = tomllib.loads(WORDS.read_text(encoding="utf-8"))
            text = page(reports, words)
    if options.write:
        PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
