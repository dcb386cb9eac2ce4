"""The table of accuracy in float32, ours beside PyTorch's.

``python docs/accuracy.py`` prints the page, ``--write docs/accuracy.md`` writes it. The figures
are those of the machine that wrote them.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from reference_tests.accuracy import LARGEST, RMS, ULPS, Accuracy, accuracy
from reference_tests.commands.run import OF_ACCURACY
from reference_tests.commands.usage import OWN
from reference_tests.operations import CATALOGUE
from reference_tests.parallel import default_jobs, each

HEAD = f"""# Accuracy in float32

How far results lie from the truth, which is computed in float64 from the same float32 input:
ours first, then PyTorch's, over {OF_ACCURACY:,} random cases of each operation. Errors are in
units of the bound that the judge derives for that very element, so that cancellation counts for
neither; the last place (ulp) is that of the true value, and is of use for elementwise functions
only. An output is *within* if ours is at most {RMS} times PyTorch's in the root mean square and
{LARGEST:g} times at the largest, or never off by more than {ULPS:g} ulp. Made by
`docs/accuracy.py`; the command `reference-tests --accuracy` prints the same.
"""


def page(rows: list[Accuracy]) -> str:
    """Return the page."""
    lines = [
        HEAD,
        "| operation | output | root mean square | largest | largest in ulp | elements | within |",
        f"|{'---|' * 7}",
    ]
    for row in rows:
        ours, theirs = row.ours, row.theirs
        cells = [
            f"`{row.operation}`",
            row.output,
            f"{ours.rms:.3f}, {theirs.rms:.3f}",
            f"{ours.largest:.2f}, {theirs.largest:.2f}",
            f"{ours.ulps:.3g}, {theirs.ulps:.3g}",
            f"{row.elements:,}",
            "yes" if row.ok else "**no**",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    within = sum(row.ok for row in rows)
    return "\n".join([*lines, "", f"{within} of {len(rows)} outputs are within."]) + "\n"


def main() -> None:
    """Print or write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", type=Path, metavar="PAGE")
    parser.add_argument("--examples", type=int, default=OF_ACCURACY, metavar="N")
    options = parser.parse_args()
    names = list(CATALOGUE)
    found = dict(each(accuracy, OWN, names, (options.examples, 0), default_jobs()))
    short = {name: found[name].cases for name in names if 0 < found[name].cases < options.examples}
    errors = [error for name in names for error in found[name].errors]
    if errors or short:
        raise SystemExit(f"not all could be compared: {errors} {short}")
    text = page([row for name in names for row in found[name].rows])
    if options.write:
        options.write.write_text(text, encoding="utf-8")
    else:
        print(text)


if __name__ == "__main__":
    main()
