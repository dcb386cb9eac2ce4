"""The examples do what they say."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

EXAMPLES = Path(__file__).parents[1] / "examples"


def test_network_of_the_article_learns_by_plain_gradient_descent():
    spec = importlib.util.spec_from_file_location("article", EXAMPLES / "article_network.py")
    article = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(article)
    history = article.train(300)
    errors = history.column("train_loss")
    assert len(errors) == 300
    assert errors[-1] < 0.9 * errors[0]


def test_network_of_the_article_prints_every_twentieth_step():
    command = [sys.executable, str(EXAMPLES / "article_network.py"), "21"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["1", "21"]
