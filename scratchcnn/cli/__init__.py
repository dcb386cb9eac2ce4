"""The command ``scratchcnn``: train a network on digits, evaluate it, let it predict, reuse it."""

from scratchcnn.cli.program import main

__all__ = ["main"]
