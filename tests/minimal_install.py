"""With NumPy and SciPy alone: import every module, make every layer, train one step.

Run as a script, not by pytest, which is not installed there.
"""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil

import numpy as np

import scratchcnn
from scratchcnn import fit, functional, models, nn, optim

ALL = (1, 2, 3)
REQUIRED = {
    "Linear": (4, 3),
    **{f"Conv{axes}d": (3, 4, 3) for axes in ALL},
    **{f"ConvTranspose{axes}d": (3, 4, 3) for axes in ALL},
    **{f"{kind}Pool{axes}d": (2,) for kind in ("Max", "Avg") for axes in ALL},
    **{f"Adaptive{kind}Pool{axes}d": (2,) for kind in ("Max", "Avg") for axes in ALL},
    **{f"MaxUnpool{axes}d": (2,) for axes in ALL},
    **{f"LPPool{axes}d": (2, 2) for axes in ALL},
    **{f"{kind}Norm{axes}d": (3,) for kind in ("Batch", "Instance") for axes in ALL},
    **dict.fromkeys(("LayerNorm", "RMSNorm", "LocalResponseNorm"), (3,)),
    "GroupNorm": (1, 2),
    **dict.fromkeys(("Softmax", "Softmin", "LogSoftmax"), (1,)),
    "Threshold": (0.0, 0.0),
    "Fold": (4, 2),
    "Unfold": (2,),
    "Concat": (nn.Identity(),),
    "Residual": (nn.Identity(),),
    **{f"ConstantPad{axes}d": (1, 0.0) for axes in ALL},
    **{
        f"{kind}Pad{axes}d": (1,)
        for kind in ("Zero", "Reflection", "Replication", "Circular")
        for axes in ALL
    },
    "Upsample": (2,),
    "UpsamplingNearest2d": (2,),
    "UpsamplingBilinear2d": (2,),
    "PixelShuffle": (2,),
    "PixelUnshuffle": (2,),
    "ChannelShuffle": (2,),
}


def main() -> None:
    """Raise unless everything works."""
    for package in ("torch", "pytest", "hypothesis", "matplotlib", "rich", "sklearn", "PIL"):
        assert importlib.util.find_spec(package) is None, f"{package} is installed"
    found = (m.name for m in pkgutil.walk_packages(scratchcnn.__path__, "scratchcnn."))
    # A private module may need a framework, as that of the classes which only PyTorch can make.
    names = [name for name in found if not name.rpartition(".")[2].startswith("_")]
    for name in names:
        if not name.endswith("__main__"):
            importlib.import_module(name)
    made = 0
    for name in nn.__all__:
        kind = getattr(nn, name)
        if isinstance(kind, type) and issubclass(kind, nn.Module) and kind is not nn.Module:
            kind(*REQUIRED.get(name, ()))
            made += 1
    rng = np.random.default_rng(0)
    images = rng.standard_normal((8, 1, 28, 28), dtype=np.float32)
    labels = rng.integers(0, 10, 8)
    model = models.lenet5(rng=0)
    before = model.state_dict()["conv1.weight"]
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    history = fit(model, images, labels, loss=nn.CrossEntropyLoss(), optimizer=optimizer, rng=0)
    assert len(history.epochs) == 1
    assert not np.array_equal(before, model.state_dict()["conv1.weight"])
    x, kernel = images[0, 0], images[1, 0, :3, :3]
    assert functional.correlate(x, kernel, mode="valid").shape == (26, 26)
    print(f"imported {len(names)} modules, made {made} layers, trained one step")


if __name__ == "__main__":
    main()
