"""ReLUs that behave badly, one habit each; for tests of the judge, which must survive them."""

import contextlib
import ctypes
import itertools
import os
import random
import sys
import threading
import time
import warnings

import numpy as np

from reference_tests import Implementation


class Special(Exception):
    """An exception that exists only here."""


class Mute(Exception):
    """An exception that cannot say what it is."""

    def __str__(self):
        raise RuntimeError("no words")


def right(x):
    return np.maximum(x, 0), lambda grad_output: grad_output * ~(x <= 0)


def returning(change):
    """Return a ReLU whose output is changed into something else."""

    def relu(x):
        return change(np.maximum(x, 0)), right(x)[1]

    return relu


def before(act):
    """Return a right ReLU that does something else at first."""

    def relu(x):
        act(x)
        return right(x)

    return relu


def pulling(act):
    """Return a ReLU whose pullback does something else."""
    return lambda x: (np.maximum(x, 0), lambda grad_output: act(x, grad_output))


def raise_special(*arguments):
    raise Special("not today")


def raise_mute(x):
    raise Mute


def refuse(x):
    raise NotImplementedError("not yet")


def raise_for_some(x):
    if np.isnan(x).any():
        raise ValueError("no numbers")


def hang(*arguments):
    while True:
        time.sleep(0.01)


def hang_in_c(x):
    sum(itertools.count())


def print_on(x):
    while True:
        print("x" * 1000)


def change(x):
    if x.flags.writeable:
        x += 1


def change_both(x, grad_output):
    right_one = right(x)[1](grad_output)
    for array in (x, grad_output):
        if array.flags.writeable:
            array[...] = 3
    return right_one


def exhaust(x):
    exhaust(x)


def change_the_state(x):
    np.seterr(all="raise")
    np.set_printoptions(precision=1)
    np.random.seed(0)  # noqa: NPY002
    random.seed(0)
    os.chdir("/")


def start_a_thread(x):
    threading.Thread(target=time.sleep, args=(600,)).start()


def scribble(x):
    os.write(1, b"straight to 1\n")
    os.write(2, b"straight to 2\n")


BUFFERS: dict = {}


def buffered(x):
    y, pullback = right(x)
    buffer = BUFFERS.setdefault((x.shape, x.dtype.name), np.empty_like(y))
    buffer[...] = y
    return buffer, pullback


HABITS = {
    "right": right,
    "raise": before(raise_special),
    "raise for some": before(raise_for_some),
    "raise without a word": before(raise_mute),
    "refuse": before(refuse),
    "exit": before(lambda x: sys.exit(0)),
    "exhaust": before(exhaust),
    "allocate": before(lambda x: np.empty(10**15)),
    "print": before(lambda x: print("loud", end="")),
    "view": lambda x: (x.reshape(x.shape), lambda grad_output: grad_output),
    "change": before(change),
    "change in the pullback": pulling(change_both),
    "buffer": buffered,
    "list": returning(lambda y: y.tolist()),
    "wide": returning(lambda y: y.astype(float)),
    "column": returning(lambda y: y[..., None]),
    "nan": returning(lambda y: np.where(y > 0.5, np.nan, y).astype(y.dtype)),
    "None": lambda x: None,
    "objects": returning(lambda y: y.astype(object)),
    "generator": lambda x: (value for value in x),
    "masked": returning(np.ma.masked_array),
    "matrix": returning(lambda y: np.asmatrix(y.reshape(1, -1))),
    "text": lambda x: "a result",
    "number": lambda x: 1.0,
    "no gradients": pulling(lambda x, grad_output: ()),
    "two gradients": pulling(lambda x, grad_output: (grad_output, grad_output)),
    "raise in the pullback": pulling(raise_special),
    "generator of gradients": pulling(lambda x, grad_output: (g for g in [grad_output])),
    # What only a process of its own survives, or hides from the judge.
    "hang": before(hang),
    "hang in C": before(hang_in_c),
    "print on": before(print_on),
    "hang in the pullback": pulling(hang),
    "kill": before(lambda x: os.kill(os.getpid(), 9)),
    "leave": before(lambda x: os._exit(3)),
    "leave if invalid": before(lambda x: os._exit(3) if x.dtype == object else None),
    "segmentation fault": before(lambda x: ctypes.string_at(0)),
    "kill in the pullback": pulling(lambda x, grad_output: os._exit(4)),
    "close all": before(lambda x: os.closerange(0, 100)),
    "interrupt": before(lambda x: (_ for _ in ()).throw(KeyboardInterrupt)),
    "warn": before(lambda x: warnings.warn("careful", stacklevel=1)),
    "state": before(change_the_state),
    "close": before(lambda x: sys.stdout.close()),
    "thread": before(start_a_thread),
    "scribble": before(scribble),
    "read": before(lambda x: sys.stdin.read()),
    "lose its output": before(lambda x: contextlib.redirect_stdout(None).__enter__()),
}
subject = Implementation("bad", HABITS)
