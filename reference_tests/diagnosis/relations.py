"""What wrong numbers have to do with the right ones: a table of relations, and their words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from reference_tests.diagnosis import arguments, places, precision, ratios, rearrangements
from reference_tests.diagnosis.view import Relation, View
from reference_tests.diagnosis.witness import Witness

# Relations of one kind, of which the first that holds most often is told; a relation that says
# all about the numbers makes those of the later kinds needless.
KINDS: tuple[tuple[Relation, ...], ...] = (
    (precision.repeated,),
    (precision.formats,),
    (rearrangements.shapes,),
    (
        ratios.constants,
        ratios.other_arrays,
        arguments.parameters,
        ratios.ratios,
        rearrangements.turned,
        rearrangements.summed,
        arguments.arrays,
        ratios.offsets,
        ratios.functions,
        rearrangements.shifted,
        ratios.by_axis,
        rearrangements.permuted,
        precision.digits,
    ),
    (places.places,),
)
# So many wrong results are looked at; a relation is told that holds in this share of them.
MOST, SHARE = 24, 0.5


def related(output: str, failing: Sequence[Witness]) -> tuple[str, ...]:
    """Return in sentences how the wrong results of an output are related to the right ones."""
    views = [View(witness, output) for witness in failing if witness.failed(output)][:MOST]
    if not views:
        return ()
    told = [_told(kind, views) for kind in KINDS]
    return tuple(f"{output} {sentence}" for sentence in told if sentence)


def _told(kind: Sequence[Relation], views: Sequence[View]) -> str:
    """Return the first relation of a kind that holds in most views, and in how many."""
    counts: Counter[str] = Counter()
    for relation in kind:
        for view in views:
            counts.update(list(dict.fromkeys(relation(view))))
    if not counts:
        return ""
    # Of equal counts the first one wins: the table and each relation begin with what says most.
    best, count = max(counts.items(), key=lambda item: item[1])
    if count == len(views):
        return f"{best} ({_cases(count)})"
    if count < max(SHARE * len(views), 2):
        return ""
    return f"{best} in {count} of {len(views)} wrong cases"


def _cases(count: int) -> str:
    return "in the one wrong case" if count == 1 else f"in all {count} wrong cases"
