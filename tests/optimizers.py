"""The optimizers, options for each, and short runs: what several tests of them share."""

from __future__ import annotations

import numpy as np

from scratchcnn import optim

_MOMENTS = [
    {},
    {"betas": (0.5, 0.75), "eps": 0.25},
    {"weight_decay": 0.5},
    {"maximize": True, "weight_decay": 0.25},
]
OPTIONS = {
    "SGD": [
        {},
        {"weight_decay": 0.5},
        {"maximize": True},
        {"momentum": 0.5},
        {"momentum": 0.5, "dampening": 0.25},
        {"momentum": 0.5, "nesterov": True, "weight_decay": 0.25},
        {"momentum": 0.5, "maximize": True, "weight_decay": 0.25},
    ],
    "Adam": [*_MOMENTS, {"amsgrad": True}, {"weight_decay": 0.5, "decoupled_weight_decay": True}],
    "AdamW": [*_MOMENTS, {"amsgrad": True}],
    "NAdam": [
        *_MOMENTS,
        {"momentum_decay": 0.5},
        {"weight_decay": 0.5, "decoupled_weight_decay": True},
    ],
    "RAdam": [
        *_MOMENTS,
        {"betas": (0.5, 0.999), "weight_decay": 0.5, "decoupled_weight_decay": True},
    ],
    "Adamax": _MOMENTS,
    "Adagrad": [
        {},
        {"lr_decay": 0.5},
        {"initial_accumulator_value": 0.5, "eps": 0.25},
        {"maximize": True, "weight_decay": 0.25},
    ],
    "Adadelta": [{}, {"rho": 0.5, "eps": 0.25}, {"maximize": True, "weight_decay": 0.25}],
    "RMSprop": [
        {},
        {"alpha": 0.5, "eps": 0.25},
        {"centered": True},
        {"momentum": 0.5},
        {"momentum": 0.5, "centered": True, "maximize": True, "weight_decay": 0.25},
    ],
}
ALL = [(name, {"lr": 0.125, **options}) for name in OPTIONS for options in OPTIONS[name]]
IDS = [f"{name} {' '.join(options)}" for name, options in ALL]


def step_of(name):
    """Return the pure step of an optimizer."""
    return getattr(optim, name.lower())


def arrays(seed, dtype=np.float64):
    """Return arrays of small integers, in three shapes."""
    rng = np.random.default_rng(seed)
    return [rng.integers(-4, 5, shape).astype(dtype) for shape in ((2, 3), (4,), ())]


def run(step, options, dtype=np.float64, steps=3, scale=1.0):
    """Return what several steps with given gradients lead to."""
    params, state = arrays(0, dtype), None
    for seed in range(1, steps + 1):
        grads = [np.asarray(scale * grad) for grad in arrays(seed, dtype)]
        params, state = step(params, grads, state, **options)
    return params, state
