"""A network of scratchcnn beside one of PyTorch with the same weights.

Both run in float64. How far two right answers may differ is measured, not chosen: PyTorch runs
again with its batch in another order, with its memory in another order, and with every weight,
pixel and cotangent moved by one unit in the last place, up or down at random. The largest
difference from its first answer, array by array, is how much one rounding of each factor shows. A
sum of n terms rounds n times, which adds up like √n where the signs are random; so the tolerance
is that difference times √n, n being the longest sum in the network: that of a convolution over its
window, or of a weight's gradient over all samples and pixels.
"""

from __future__ import annotations

import copy
import math

import numpy as np
import torch

from reference_tests.references.torch_ import one_thread
from scratchcnn.interop.torch import state_dict_to_torch


def randomized(model, seed=0):
    """Give all entries that start at 0 or 1 other values, so that none is without effect."""
    source = np.random.default_rng(seed)
    state = model.state_dict()
    for name, array in state.items():
        if name.endswith("num_batches_tracked"):
            state[name] = np.array(3)
        elif name.endswith("running_var") or (array == 1).all():
            state[name] = source.uniform(0.5, 2, array.shape)
        elif name.endswith("running_mean") or (array == 0).all():
            state[name] = 0.3 * source.standard_normal(array.shape)
    model.load_state_dict(state)
    return model


def set_modes(model, training):
    """Set the mode of all but dropout, which draws other masks in each library."""
    model.train(training)
    for _, module in model.named_modules():
        if type(module).__name__ == "Dropout":
            module.eval()


def ours(model, x, g, training):
    """Return the output, all gradients and the state afterwards."""
    model = copy.deepcopy(model)
    set_modes(model, training)
    y, pullback = model.vjp(x)
    grad = pullback(g)
    grads = {f"gradient of {name}": p.grad for name, p in model.named_parameters()}
    return {"output": y, "gradient of x": grad, **grads, **model.state_dict()}


def theirs(module, x, g, training, layout=torch.contiguous_format):
    """Return the same of PyTorch."""
    module = copy.deepcopy(module).to(memory_format=layout)
    set_modes(module, training)
    x = torch.tensor(x).contiguous(memory_format=layout).requires_grad_()
    with one_thread():
        y = module(x)
        y.backward(torch.tensor(g))
    grads = {f"gradient of {name}": p.grad for name, p in module.named_parameters()}
    named = {"output": y, "gradient of x": x.grad, **grads, **module.state_dict()}
    return {name: each.detach().numpy() for name, each in named.items()}


def moved(array, source):
    """Return `array` with each value moved by one unit in the last place, or not at all."""
    return np.nextafter(array, array + source.integers(-1, 2, array.shape))


def disturbed(module, source):
    """Return the PyTorch module with all its numbers moved so."""
    module = copy.deepcopy(module)
    with torch.no_grad():
        for tensor in module.state_dict().values():
            if tensor.is_floating_point():
                tensor.copy_(torch.tensor(moved(tensor.numpy(), source)))
    return module


def spread(module, x, g, training, disturbances):
    """Return PyTorch's results, and how far other runs of PyTorch are from them."""
    first = theirs(module, x, g, training)
    turned = theirs(module, x[::-1].copy(), g[::-1].copy(), training)
    for name in ("output", "gradient of x"):
        turned[name] = turned[name][::-1]
    runs = [turned]
    if x.ndim == 4:
        runs.append(theirs(module, x, g, training, torch.channels_last))
    for seed in range(disturbances):
        source = np.random.default_rng(seed)
        shaken = disturbed(module, source), moved(x, source), moved(g, source)
        runs.append(theirs(*shaken, training))
    return first, {
        name: max(float(np.abs(run[name] - array).max()) for run in runs)
        for name, array in first.items()
    }


def longest_sum(module, x):
    """Return how many terms the longest sum has, of an output or of a weight's gradient."""
    largest = max((tensor[0].numel() for tensor in module.parameters()), default=1)

    def hook(_, inputs, output):
        nonlocal largest
        largest = max(largest, output.numel() // output.shape[1])

    module = copy.deepcopy(module)
    for each in module.modules():
        each.register_forward_hook(hook)
    module(torch.tensor(x))
    return largest


def mistakes(model, module, x, training, disturbances=2):
    """Return what differs by more than the tolerance, as text, and the largest share of it."""
    module = copy.deepcopy(module).double()
    module.load_state_dict(state_dict_to_torch(model))
    source = np.random.default_rng(1)
    with torch.no_grad():
        shape = copy.deepcopy(module).eval()(torch.tensor(x)).shape
    g = source.standard_normal(tuple(shape))
    results = ours(model, x, g, training)
    expected, spreads = spread(module, x, g, training, disturbances)
    factor = math.sqrt(longest_sum(module, x))
    found, worst = [], 0.0
    if list(results) != list(expected):
        found.append(f"the names are {list(results)}, expected {list(expected)}")
    for name in (each for each in expected if each in results):
        difference = float(np.abs(results[name] - expected[name]).max())
        tolerance = factor * spreads[name]
        worst = max(worst, difference / tolerance if tolerance else float(difference > 0))
        if not difference <= tolerance:
            size = float(np.abs(expected[name]).max())
            found.append(f"{name}: {difference:.2g} of {size:.2g}, expected {tolerance:.2g}")
    return found, worst
