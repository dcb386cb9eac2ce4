"""The pytest face of the judge.

``pytest -p reference_tests.plugin --pyargs reference_tests --implementation my_cnn:subject``
gives the verdicts of `verify` as test items.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from reference_tests.implementation import Implementation, load
from reference_tests.judge import verify
from reference_tests.references import available
from reference_tests.references import load as load_references
from reference_tests.report import OperationReport

OWN = "reference_tests.implementations.scratchcnn:subject"
EXAMPLES = 20


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of the judge."""
    group = parser.getgroup("reference-tests", "judging a convolutional network")
    group.addoption(
        "--implementation",
        metavar="MODULE:NAME",
        default=OWN,
        help="the subject, a reference_tests.Implementation (default: scratchcnn)",
    )
    group.addoption(
        "--reference",
        action="append",
        metavar="NAME",
        help="compare with this one beside the exact oracle (default: all that are installed)",
    )
    group.addoption(
        "--examples",
        type=int,
        default=EXAMPLES,
        metavar="N",
        help=f"cases per operation (default: {EXAMPLES})",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Check the options before any work."""
    # Where pytest-xdist distributes the items, those of one operation stay together.
    config.addinivalue_line("markers", "xdist_group(name): what one process does")
    try:
        if config.getoption("--implementation") != OWN:
            load(config.getoption("--implementation"))
        load_references(config.getoption("--reference") or ())
    except ValueError as error:
        raise pytest.UsageError(str(error)) from error


def pytest_report_header(config: pytest.Config) -> str:
    """Say who is judged against whom."""
    names = config.getoption("--reference") or available()
    missing = "" if "torch" in names else " (PyTorch does not judge here)"
    judges = ", ".join([*(name for name in names if name != "exact"), "exact"])
    return f"reference-tests: {config.getoption('--implementation')} against {judges}{missing}"


@pytest.fixture(scope="session")
def subject(request: pytest.FixtureRequest) -> Implementation:
    """Return the implementation that is judged."""
    return load(request.config.getoption("--implementation"))


@pytest.fixture(scope="session")
def references(request: pytest.FixtureRequest) -> list[str]:
    """Return the names of the references."""
    return request.config.getoption("--reference") or available()


@pytest.fixture(scope="session")
def examples(request: pytest.FixtureRequest) -> int:
    """Return the number of cases per operation."""
    return int(request.config.getoption("--examples"))


@pytest.fixture(scope="session")
def judged(
    subject: Implementation, references: list[str], examples: int
) -> Callable[[str], OperationReport]:
    """Return what `verify` says of an operation; each is judged once."""
    known: dict[str, OperationReport] = {}

    def judge(name: str) -> OperationReport:
        if name not in known:
            known[name] = verify(subject, [name], references, examples)[name]
        return known[name]

    return judge
