"""What wrong numbers have to do with the right ones: a table of relations, and their words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from reference_tests.diagnosis import arguments, places, precision, ratios, rearrangements
from reference_tests.diagnosis.view import Relation, View
from reference_tests.diagnosis.witness import Witness

# These hold between results of which much else can be said, such as where they are wrong.
LIKENESSES: tuple[Relation, ...] = (
    ratios.by_axis,
    ratios.along_axis,
    rearrangements.permuted,
    precision.digits,
    precision.approximate,
)
# Of each kind of relations one is told: that which holds most often, or of equals the first. A
# later row of a kind is needed only if no relation of the earlier ones always holds.
NUMBERS: tuple[tuple[Relation, ...], ...] = (
    (
        ratios.constants,
        ratios.other_arrays,
        arguments.optional,
        arguments.parameters,
        ratios.ratios,
    ),
    (rearrangements.turned, rearrangements.summed, ratios.offsets, ratios.functions),
    (rearrangements.shifted, arguments.arrays),
    LIKENESSES,
)
# These hold of results whose numbers may be right.
HABITS = (((precision.repeated,),), ((precision.formats,),))
# What explains all the numbers leaves nothing to say about where they are wrong.
KINDS = (
    ((rearrangements.sizes,),),
    ((rearrangements.shapes,),),
    NUMBERS,
    ((places.places,),),
    ((places.instead,),),
)
# So many wrong results are looked at; a relation is told that holds in this share of them. What
# holds in too few of the first ones is not tried in the others.
MOST, SHARE, FIRST = 12, 0.5, 4


def related(output: str, failing: Sequence[Witness]) -> tuple[str, ...]:
    """Return in sentences how the wrong results of an output are related to the right ones."""
    views = [View(witness, output) for witness in failing if witness.failed(output)]
    # Small results look alike: one number is in every relation to another.
    views = sorted(views, key=lambda view: view.right.size, reverse=True)[:MOST]
    if not views:
        return ()
    wrong = [view for view in views if view.witness.wrong(output)]
    told: list[str] = []
    for kind in (*HABITS, *KINDS):
        with np.errstate(all="ignore"):
            sentence, explains = _told(kind, views if kind in HABITS else wrong)
        told += [f"{output} {sentence}"] if sentence else []
        if explains and kind is NUMBERS:
            break
    return tuple(told)


def _told(rows: Sequence[Sequence[Relation]], views: Sequence[View]) -> tuple[str, bool]:
    """Return the relation of a kind that holds in most views, and whether it explains them all."""
    counts: Counter[str] = Counter()
    row: Sequence[Relation] = ()
    for row in rows:
        for relation in row:
            counts.update(_counted(relation, views))
        if len(views) in counts.values():
            break
    if not counts:
        return "", False
    best, count = max(counts.items(), key=lambda item: item[1])
    if count == len(views):
        return f"{best} ({_cases(count)})", row is not LIKENESSES
    if count < max(SHARE * len(views), 2):
        return "", False
    return f"{best} (in {count} of {len(views)} wrong cases)", False


def _counted(relation: Relation, views: Sequence[View]) -> dict[str, int]:
    """Return in how many views each sentence holds, as far as it may be told in the end."""
    counts: dict[str, int] = {}
    for place, view in enumerate(views):
        for sentence, holds in dict(relation(view)).items():
            hopeful = place < FIRST or counts.get(sentence, 0) >= SHARE * place
            if hopeful and holds():
                counts[sentence] = counts.get(sentence, 0) + 1
    return counts


def _cases(count: int) -> str:
    return "in the one wrong case" if count == 1 else f"in all {count} wrong cases"
