"""How the records of elementwise operations of one array are made."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from reference_tests.case import Case, Spec
from reference_tests.draw import Draw
from reference_tests.operation import REQUIRED, Invalid, Operation
from reference_tests.strategies import finished, shape

FAMILIES = (
    "zero-mean",
    "zeros",
    "wide",
    "large",
    "nan",
    "infinite",
    "subnormal",
    "non-negative",
    "kinks",
)


def elementwise(
    name: str,
    definition: Callable[..., Any],
    conventions: str,
    kinks: Callable[..., Sequence[float]] = lambda: (0.0,),
    required: bool = False,
    invalid: Sequence[Mapping[str, Any]] = (),
    exact_scale: int | None = None,
    **options: Sequence[Any],
) -> Operation:
    """Return the record of an elementwise operation.

    `kinks` takes the hyperparameters and returns where the slope jumps. `options` are the values
    to draw of each hyperparameter; the first is its default, unless it is `required`. `invalid`
    are hyperparameters to refuse.
    """

    def array(sizes: tuple[int, ...], hyper: Mapping[str, Any]) -> dict[str, Spec | None]:
        return {"x": Spec(sizes, kinks=tuple(kinks(**hyper)))}

    def strategy(draw: Draw) -> Case:
        sizes = shape(draw)
        hyper = {option: _drawn(draw, option, values) for option, values in options.items()}
        return finished(draw, array(sizes, hyper), hyper, FAMILIES)

    first = {option: values[0] for option, values in options.items()}
    second = {option: values[1] for option, values in options.items()}
    x = np.zeros((2, 3))
    refused = [
        Invalid(", ".join(f"{option} of {value!r}" for option, value in hyper.items()), (x,), hyper)
        for hyper in invalid
    ]
    needed = first if required else {}
    return Operation(
        name=name,
        arrays=("x",),
        defaults=dict.fromkeys(options, REQUIRED) if required else first,
        strategy=strategy,
        definition=definition,
        differentiable=("x",),
        exact_scale=exact_scale,
        conventions=conventions,
        pinned=tuple(
            Case(array((3, 5), hyper), hyper, seed, family)
            for seed, (hyper, family) in enumerate(
                [
                    (first, "zero-mean"),
                    (second, "kinks"),
                    (first, "zeros"),
                    (second, "large"),
                    (first, "nan"),
                    (first, "kinks"),
                    (second, "infinite"),
                    (first, "wide"),
                ],
                start=1,
            )
        ),
        invalid=(Invalid("an array of objects", (x.astype(object),), needed), *refused),
    )


def _drawn(draw: Draw, option: str, values: Sequence[Any]) -> Any:
    return draw.parameter(option, lambda: draw.choice(values))
