"""Which layer of one network is which of the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from numpy.typing import NDArray

from reference_tests.networks.sides import Node

# Layers that one network may have where the other calls a function, or nothing at all.
PASSIVE = ("Identity", "Flatten", "Unflatten", "Dropout", "Dropout1d", "Dropout2d", "Dropout3d")


def matched(
    ours: Sequence[Node], theirs: Sequence[Node], names: Mapping[str, str], complete: bool
) -> list[tuple[Node, Node]]:
    """Return the calls of both networks that belong together, in our order.

    By `names` and equal names; where these leave most without a partner, by the order of the
    calls. `complete` says whether our network ran to its end.

    Raises
    ------
    ValueError
        If `names` has one that does not exist, or nothing matches.
    """
    for role, asked, nodes in (("ours", names, ours), ("theirs", names.values(), theirs)):
        known = {node.name for node in nodes}
        prefixes = {name.rpartition(".")[0] for name in asked}
        strangers = [n for n in asked if n not in known and n not in prefixes]
        strangers = [n for n in strangers if n.rpartition(".")[0] not in known]
        if strangers and (complete or role == "theirs"):
            raise ValueError(
                f"compare: names has {strangers}, which {role} lacks; it has {sorted(known)}"
            )
    by_name = {(node.name, node.turn): node for node in theirs}
    pairs = [
        (node, by_name[names.get(node.name, node.name), node.turn])
        for node in ours
        if (names.get(node.name, node.name), node.turn) in by_name
    ]
    active, others = ([n for n in nodes if n.kind not in PASSIVE] for nodes in (ours, theirs))
    found = {id(node) for pair in pairs for node in pair}
    if any(all(id(node) in found for node in nodes) for nodes in (active, others)):
        return pairs
    if len(active) == len(others) or not complete:
        ordered = list(zip(active, others, strict=False))
        if all("" in (a.kind, b.kind) or a.kind == b.kind for a, b in ordered):
            return ordered
    if names and pairs:
        return pairs
    raise ValueError(
        "compare: the layers do not match by name or order; give names={ours: theirs}. "
        f"Ours: {_listed(ours)}. Theirs: {_listed(theirs)}"
    )


def _listed(nodes: Sequence[Node]) -> str:
    return ", ".join(f"{node.name} ({node.kind})" if node.kind else node.name for node in nodes)


def renamed(
    source: Mapping[str, NDArray[Any]],
    target: Mapping[str, NDArray[Any]],
    names: Mapping[str, str],
) -> dict[str, NDArray[Any]]:
    """Return the weights of the reference under our names.

    Raises
    ------
    ValueError
        If a weight has no partner, or one of another shape.
    """
    result = {}
    left = [name for name in source if name not in target]
    order = iter(left)
    for name, array in target.items():
        layer, dot, entry = name.rpartition(".")
        partner = names.get(name, f"{names.get(layer, layer)}{dot}{entry}")
        if partner not in source:
            partner = next(order, "")
        if partner not in source:
            raise ValueError(
                f"compare: theirs has no weight for {name}; it has {sorted(source)}: give names="
            )
        if source[partner].shape != array.shape:
            raise ValueError(
                f"compare: {name} has shape {array.shape}, "
                f"but {partner} of theirs {source[partner].shape}"
            )
        result[name] = source[partner].astype(array.dtype)
    return result
