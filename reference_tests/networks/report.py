"""What a comparison of two networks found, as objects, as text and as a tree."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from rich.console import Console
from rich.text import Text
from rich.tree import Tree


@dataclass
class LayerReport:
    """What was found about one call of one layer.

    Attributes
    ----------
    name, kind : str
    turn : int
        How many calls of the same layer came before.
    operation : str
        Whose definition gave the truth and its bounds; empty where the other side's results in
        rounded inputs had to serve instead.
    units : mapping of quantities to float
        The errors of the layer alone, on the reference's input, in units of their bounds.
    wrong : mapping of quantities to str
        What is wrong with the layer alone.
    connection : mapping of quantities to str
        What is wrong with what reaches the layer, though all other layers pass on right numbers:
        ``input`` or ``grad_output``.
    drift : mapping of quantities to float
        How far outputs and gradients are apart, relative to the largest, where both networks run
        on their own: errors that accumulate.
    note : str
        Why the layer was not compared, or what is said of the reference.
    diagnosis : list of str
        The ids of known mistakes.
    explanation : str
    """

    name: str
    kind: str
    turn: int = 0
    operation: str = ""
    units: dict[str, float] = field(default_factory=dict)
    wrong: dict[str, str] = field(default_factory=dict)
    connection: dict[str, str] = field(default_factory=dict)
    drift: dict[str, float] = field(default_factory=dict)
    note: str = ""
    diagnosis: list[str] = field(default_factory=list)
    explanation: str = ""

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.wrong and not self.connection

    @property
    def label(self) -> str:
        """The name, with the number of the call where there are several."""
        return f"{self.name} (call {self.turn + 1})" if self.turn else self.name or "the network"


@dataclass
class NetworkReport:
    """The comparison of two networks.

    Attributes
    ----------
    layers : list of LayerReport
        In the order of the calls.
    first : LayerReport, optional
        The one to mend first: the earliest that is wrong forward; where forward all is right, the
        latest whose gradients are wrong, since gradients come from the end.
    whole : mapping of names to str
        What is wrong with the network as a whole: its output, the gradient of its input, the sums
        of gradients, its weights after training.
    notes : list of str
    """

    layers: list[LayerReport] = field(default_factory=list)
    first: LayerReport | None = None
    whole: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether nothing differs, and something was compared."""
        compared = any(layer.units for layer in self.layers)
        return compared and not self.whole and all(layer.ok for layer in self.layers)

    def __str__(self) -> str:
        return self.text()

    def __iter__(self) -> Iterator[LayerReport]:
        return iter(self.layers)

    def __getitem__(self, name: str) -> LayerReport:
        for layer in self.layers:
            if layer.name == name:
                return layer
        raise KeyError(name)

    def assert_ok(self) -> None:
        """Raise AssertionError with the whole message unless the report is ok."""
        if not self.ok:
            raise AssertionError(self.text())

    def text(self) -> str:
        """Return the tree, and what is wrong, in words."""
        console = Console(width=110, record=True, emoji=False, file=io.StringIO())
        self.show(console)
        return console.export_text()

    def show(self, console: Console) -> None:
        """Print the tree, and what is wrong, in words."""
        console.print(self.tree())
        if self.first is not None:
            console.print()
            console.print(Text(_told(self.first), "red"), soft_wrap=True)
        for name, message in self.whole.items():
            console.print(Text(f"{name}: {message}", "red"), soft_wrap=True)
        for note in self.notes:
            console.print(Text(f"note: {note}", "dim"), soft_wrap=True)

    def tree(self) -> Tree:
        """Return the layers as a tree of rich, the guilty one marked."""
        verdict = "the networks agree" if self.ok else "the networks differ"
        tree = Tree(Text(verdict, "bold green" if self.ok else "bold red"))
        branches = {"": tree}
        for layer in self.layers:
            *path, leaf = layer.label.split(".") if layer.name else [layer.label]
            place = ""
            for part in path:
                parent, place = branches[place], f"{place}.{part}" if place else part
                branches.setdefault(place, tree)
                if branches[place] is tree:
                    branches[place] = parent.add(Text(part))
            branches[place].add(self._line(leaf, layer))
        return tree

    def _line(self, leaf: str, layer: LayerReport) -> Text:
        worst = max(layer.units.values(), default=0.0)
        text = Text(f"{leaf}: {layer.kind} " if layer.kind else f"{leaf} ")
        if layer.ok:
            mark = ("ok", "green") if layer.units else (layer.note or "not compared", "dim")
            text.append(*mark)
            if layer.units:
                text.append(f"  {worst:.2f} of the bound", "dim")
        else:
            wrong = ", ".join([*layer.wrong, *(f"what reaches it ({n})" for n in layer.connection)])
            guilty = "  ← guilty" if layer is self.first else ""
            text.append(f"wrong: {wrong}{guilty}", "bold red" if guilty else "red")
        if layer.drift:
            text.append(f"  apart {max(layer.drift.values()):.1e}", "dim")
        return text

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain types, for JSON."""
        return {
            "schema": 1,
            "ok": self.ok,
            "first": self.first and self.first.label,
            "whole": self.whole,
            "notes": self.notes,
            "layers": [
                {**asdict(layer), "units": {n: _finite(u) for n, u in layer.units.items()}}
                for layer in self.layers
            ],
        }


def _told(layer: LayerReport) -> str:
    """Return what is wrong with a layer, in words."""
    lines = []
    for quantity, message in layer.wrong.items():
        lines.append(f"{layer.label}: {quantity} is wrong on the reference's own input: {message}")
    for quantity, message in layer.connection.items():
        lines.append(
            f"{layer.label}: its {quantity} is wrong, though every other layer passes on right "
            f"numbers; so what connects them is wrong, such as a sum or a flattening: {message}"
        )
    if layer.explanation:
        lines.append(layer.explanation)
    return "\n".join(lines)


def _finite(units: float) -> float | None:
    return units if math.isfinite(units) else None
