"""The judge is judged, in a smaller form than by ``reference-tests self-test``."""

import json
import re

import numpy as np
import pytest

from reference_tests import CATALOGUE, Implementation, cli
from reference_tests.draw import seeded
from reference_tests.faults import FAULTS
from reference_tests.references.exact import subject as naive
from reference_tests.selftest import alarms, known, timing, unknown
from reference_tests.selftest.known import Known
from reference_tests.selftest.mutants import MUTANTS
from reference_tests.selftest.mutants.mutant import Mutant

# Cheap ones, of every module of mutants and of all families of mistakes.
FEW_MUTANTS = (
    "conv/whole-numbers",
    "pool/grad-of-cut-window-missing",
    "activation/softmax-sum-enlarged",
    "activation/hardsigmoid-shifted",
    "activation/softplus-times-beta",
    "cross-entropy/grad-last-class-forgotten",
    "norm/last-group-kept",
    "norm/response-of-absolute-values",
    "loss/target-constant",
    "loss/gaussian-variance-grad-doubled",
    "loss/poisson-log-input-assumed",
    "linear/first-bias-for-all",
    "flatten/from-the-bottom",
)
FEW_FAULTS = (
    ("conv/bias-grad-averaged", "conv1d"),
    ("linear/weight-grad-averaged", "linear"),
    ("pad/outermost-repeated", "pad"),
    ("resize/half-pixel-missing", "interpolate"),
    ("pool/least-instead-of-largest", "max_pool1d"),
    ("activation/negative-side-missing", "leaky_relu"),
    ("activation/grad-sign", "relu"),
    ("activation/random-slope-upper", "rrelu"),
    ("cross-entropy/not-averaged", "nll_loss"),
    ("loss/square-halved", "mse_loss"),
    ("loss/log-target-ignored", "kl_div"),
    ("norm/squares-summed", "rms_norm"),
    ("dropout/not-scaled", "dropout"),
    ("penalty/halved", "l2_penalty"),
)
EXAMPLES = 12


def judged(name):
    return unknown.judged(None, name, EXAMPLES, 0)


@pytest.mark.parametrize("name", FEW_MUTANTS)
def test_a_mistake_in_no_dictionary_is_rejected_and_pointed_at(name):
    one = judged(name)
    assert one.rejected
    assert one.pointed, one.explanation
    assert not one.misnamed
    assert one.ok


@pytest.mark.parametrize(("fault", "name"), FEW_FAULTS)
def test_a_known_mistake_is_rejected_and_named_first(fault, name):
    one = known.judged_fault(FAULTS[fault], name, EXAMPLES, 0)
    assert one.rejected
    assert one.first, one.named


def test_mutants_are_many_and_spread_over_the_catalogue():
    assert len(MUTANTS) >= 44
    prefixes = {
        ("conv1d", "conv2d", "conv3d"): 14,
        ("max_pool", "avg_pool"): 6,
        ("conv_transpose",): 2,
        ("batch_norm", "layer_norm", "group_norm"): 6,
    }
    for names, least in prefixes.items():
        assert sum(m.operation.startswith(names) for m in MUTANTS.values()) >= least
    assert sum(m.operation.endswith("loss") for m in MUTANTS.values()) >= 6


@pytest.mark.parametrize("mutant", MUTANTS.values(), ids=MUTANTS)
def test_a_mutant_is_of_the_catalogue_and_of_no_dictionary(mutant):
    operation = CATALOGUE[mutant.operation]
    gradients = [f"grad_{'input' if a == 'x' else a}" for a in operation.differentiable]
    hyper = {**operation.defaults, "return_indices": True}
    assert mutant.output in (*operation.outputs(hyper), *gradients)
    assert mutant.sentence not in {fault.sentence for fault in FAULTS.values()}
    assert mutant.name not in FAULTS
    # Nothing said, and nothing but the output and how often, is no description of a mistake.
    plain = f"{mutant.output} is wrong in every case (64 of 64)"
    assert not re.search(mutant.points_at, "")
    assert not re.search(mutant.points_at, plain)


def test_what_vanishes_with_no_parameter_is_not_said_to(monkeypatch):
    oracle = naive.operations["local_response_norm"]

    def enlarged(x, **hyper):
        y, pullback = oracle(x, **hyper)
        return y + np.arange(y.size, dtype=y.dtype).reshape(y.shape) + 1, pullback

    mutant = Mutant("a/b", "", "local_response_norm", "output", "is right if", enlarged)
    monkeypatch.setitem(MUTANTS, "a/b", mutant)
    one = judged("a/b")
    assert one.rejected
    assert not one.pointed, one.explanation


def test_a_right_subject_is_no_mutant(monkeypatch):
    right = Mutant("a/b", "Nothing is wrong.", "relu", "output", "", naive.operations["relu"])
    monkeypatch.setitem(MUTANTS, "a/b", right)
    one = judged("a/b")
    assert not one.rejected
    assert not one.ok
    assert not unknown.ok([one])


def test_a_known_mistake_is_no_mutant(monkeypatch):
    fault = FAULTS["activation/grad-sign"]
    function = fault.implementation().operations["relu"]
    monkeypatch.setitem(MUTANTS, "a/b", Mutant("a/b", "", "relu", "grad_input", "", function))
    one = judged("a/b")
    assert one.rejected
    assert fault.id in one.misnamed
    assert not one.ok


def test_a_mutant_is_judged_by_its_own_output_only(monkeypatch):
    function = MUTANTS["loss/target-constant"].function
    blamed = Mutant("a/b", "", "l1_loss", "output", "zero", function)
    monkeypatch.setitem(MUTANTS, "a/b", blamed)
    one = judged("a/b")
    assert not one.rejected
    assert not one.pointed


def test_an_expression_that_fits_others_is_generic():
    names = list(MUTANTS)[:5]
    said = [MUTANTS["conv/bias-twice"].points_at.replace("\\b", "")] * 5
    found = [
        unknown.Unknown(name, "", "", True, (), words, True)
        for name, words in zip(names, said, strict=True)
    ]
    assert unknown.generic(found) == [n for n in names if re.search(MUTANTS[n].points_at, said[0])]
    assert "conv/bias-twice" in unknown.generic(found)
    assert unknown.generic(found[:1]) == []


def of_family(family, named, rejected=True):
    return Known(f"{family}/mistake", "conv2d", rejected, named)


def test_lines_count_each_family_and_all():
    found = [
        of_family("conv", ("conv/mistake",)),
        of_family("conv", ("conv/other", "conv/mistake")),
        of_family("loss", (), rejected=False),
    ]
    conv, loss, everything = known.lines(found)
    assert (conv.family, conv.faults, conv.pairs, conv.rejected) == ("conv", 1, 2, 2)
    assert (conv.first, conv.ambiguous) == (1, 1)
    assert (loss.pairs, loss.rejected, loss.first, loss.ambiguous) == (1, 0, 0, 0)
    assert (everything.family, everything.faults, everything.pairs) == ("all", 2, 3)
    assert everything.operations == 1


@pytest.mark.parametrize(
    ("first", "others", "lost", "expected"),
    [(97, 3, 0, True), (96, 4, 0, False), (99, 0, 1, False), (0, 0, 0, False)],
)
def test_known_mistakes_are_all_rejected_and_97_of_100_named_first(first, others, lost, expected):
    found = [of_family("conv", ("conv/mistake",))] * first
    found += [of_family("conv", ("conv/other",))] * others
    found += [of_family("conv", ("conv/mistake",), rejected=False)] * lost
    assert known.ok(found) is expected


@pytest.mark.parametrize("name", ["linear", "relu", "pixel_shuffle", "l1_loss"])
def test_a_right_subject_raises_no_alarm(name):
    found = alarms.judged(naive, name, 3, (1, 2))
    pinned = len(CATALOGUE[name].pinned)
    assert found.cases >= pinned + 2 * 3
    assert found.alarms == found.described == []


def test_a_wrong_subject_raises_an_alarm_for_each_seed(monkeypatch):
    wrong = Implementation("wrong", {"linear": MUTANTS["linear/first-bias-for-all"].function})
    found = alarms.judged(wrong, "linear", 3, (1, 2))
    assert {text.split(":")[0] for text in found.alarms} == {"seed 1", "seed 2"}
    total = alarms.gathered("wrong", [found, None])
    assert total.operations == 1
    assert total.cases == found.cases > 0
    assert total.alarms == [*found.alarms, "ended its process"]
    # What is described is counted, and no alarm.
    ids = {f"linear:output:{check}" for check in ("exact", "value")}
    monkeypatch.setitem(alarms.DESCRIBED, "wrong", ids)
    again = alarms.judged(wrong, "linear", 3, (1, 2))
    assert (again.alarms, again.described) == ([], found.alarms)


def test_subjects_that_compile_have_the_same_shapes_for_each_seed():
    made = alarms.refilled(CATALOGUE["relu"], 24)
    assert set(made) == {"", "subnormal"}
    shapes = set()
    for kind, operation in made.items():
        cases = [operation.strategy(seeded(f"{seed}")) for seed in range(200)]
        assert {case.family == "subnormal" for case in cases} == {bool(kind)}
        assert len({case.seed for case in cases}) > 190
        assert operation.pinned == ()
        shapes |= {repr((case.arrays, case.family, case.layout)) for case in cases}
    assert len(shapes) <= 24


def test_what_is_described_is_of_the_catalogue():
    for names in alarms.DESCRIBED.values():
        assert {name.split(":")[0] for name in names} <= set(CATALOGUE)


def test_the_mistake_whose_time_is_taken_is_named():
    found = timing.timed("exact", 0.0)
    assert found.named
    assert found.seconds > 0
    # How long it takes depends on the machine, whether that is in time does not.
    assert not found.ok
    assert timing.Timing("exact", 1.0, 5.0, True).ok
    assert not timing.Timing("exact", 1.0, 5.0, False).ok


def command(*words):
    return cli.main(["self-test", "--jobs", "1", *words])


def test_command_returns_0_and_writes_what_was_found(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(unknown, "EXAMPLES", EXAMPLES)
    path = tmp_path / "found.json"
    assert command("--only", "unknown", "--operation", "l1_loss", "--json", str(path)) == 0
    (one,) = json.loads(path.read_text())["unknown"]
    assert one["mutant"] == "loss/target-constant"
    assert one["rejected"]
    assert one["pointed"]
    assert capsys.readouterr().out.rstrip().endswith("ok")


def test_command_returns_1_and_tells_which_mistake_was_not_rejected(capsys, monkeypatch):
    right = Mutant("a/b", "Nothing is wrong.", "tanh", "output", "", naive.operations["tanh"])
    monkeypatch.setattr(unknown, "EXAMPLES", 3)
    monkeypatch.setitem(MUTANTS, "activation/tanh-by-series", right)
    assert command("--only", "unknown", "--operation", "tanh") == 1
    out = capsys.readouterr().out
    assert "activation/tanh-by-series (tanh, output)" in out
    assert "nothing was said" in out
    assert out.rstrip().endswith("not ok")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--jobs", "0"), "--jobs is 0, expected at least 1"),
        (("--only", "unknown", "--operation", "x"), "no unknown mistake is of"),
        (("--only", "known", "--operation", "x"), "the parts chosen have none of"),
        (("--json", "no-folder/found.json"), "--json no-folder/found.json"),
    ],
)
def test_command_refuses_what_it_cannot_do(words, message, capsys):
    assert cli.main(["self-test", *words]) == 2
    assert message in capsys.readouterr().err
