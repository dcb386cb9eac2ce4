"""A subject in a process of its own: what crosses the pipe, and what ends on either side."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import bad_subject
import numpy as np
import pytest

from reference_tests import CATALOGUE, Implementation, cli, host, verify, worker
from reference_tests.implementation import UnknownName
from reference_tests.parallel import verify_at
from reference_tests.process import Place, opened, opened_at, process_of
from reference_tests.watching import Died, Gone, Hung

PLAIN = """
import sys
import numpy as np
from reference_tests import Implementation, from_functions

def relu(x):
    if x.dtype == object:
        raise TypeError("objects")
    return np.maximum(x, 0), lambda grad_output: grad_output * ~(x <= 0)

def echo(*arguments, **keywords):
    return arguments, keywords

def step(x, /, weight, bias=None, *, stride=1, rng=None):
    raise NotImplementedError("no strides")

def versions(x):
    return sys.version.split()[0], np.__version__, type(sys.modules["reference_tests"]).__name__

def lazy(x):
    import scipy
    return relu(x)

operations = {"relu": relu, "linear": echo, "conv2d": step, "tanh": versions, "silu": lazy}
subject = Implementation("plain", operations, {"conv2d": {"stride": 1, "bias": None}})
"""


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """The place of a subject that needs NumPy alone."""
    path = tmp_path_factory.mktemp("subject") / "plain_cnn.py"
    path.write_text(PLAIN)
    return f"{path}:subject"


@pytest.fixture(scope="module")
def plain(file):
    with opened(file) as subject:
        yield subject


def crossed(value):
    """Return a value after it was packed, written, read and unpacked."""
    arrays: list = []
    stream = io.BytesIO()
    header = worker.packed(value, arrays)
    worker.write_frame(stream, header, arrays)
    stream.seek(0)
    header, found = worker.read_frame(stream.read)
    return worker.unpacked(header, found)


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        2**70,
        -0.0,
        float("inf"),
        "ä\n",
        (1, [2.5, (None,)], {"a": {3: ()}}),
        np.float32(0.1),
        np.int64(-3),
    ],
)
def test_plain_values_cross_the_pipe(value):
    assert repr(crossed(value)) == repr(value)


LAYOUTS = {
    "C": lambda a: a,
    "Fortran": np.asfortranarray,
    "reversed": lambda a: np.flip(np.flip(a).copy()),
    "partly reversed": lambda a: a[:, ::-1],
    "transposed": lambda a: a.transpose(1, 2, 0),
    "empty": lambda a: a[:0],
    "scalar": lambda a: a[0, 0, 0],
    "big endian": lambda a: a.astype(">f8"),
    "integers": lambda a: a.astype(np.int16),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("writeable", [True, False])
def test_arrays_cross_the_pipe_with_their_layout(layout, writeable):
    array = np.asarray(LAYOUTS[layout](np.arange(24.0).reshape(2, 3, 4)))
    array.flags.writeable = writeable
    found = crossed(array)
    assert found.dtype == array.dtype
    assert found.tolist() == array.tolist()
    assert np.sign(found.strides).tolist() == np.sign(array.strides).tolist()
    assert found.flags.f_contiguous == array.flags.f_contiguous or layout == "partly reversed"
    assert found.flags.writeable == writeable


def test_arrays_of_objects_cross_the_pipe_and_other_objects_by_the_name_of_their_type():
    objects = np.array([[1, None], ["a", 2.5]], object)
    assert crossed(objects).tolist() == objects.tolist()
    masked = crossed(np.ma.masked_array([1.0, 2.0], [True, False]))
    assert (masked.type_name, np.array(masked).tolist()) == ("MaskedArray", [1.0, 2.0])
    assert crossed(iter(())).type_name == "tuple_iterator"
    with pytest.raises(TypeError, match="tuple_iterator is no array"):
        np.array(crossed(iter(())))


def test_a_generator_of_random_numbers_goes_on_where_it_is():
    ours = np.random.default_rng(3)
    ours.random(5)
    assert crossed(ours).random() == ours.random()


def test_what_is_no_frame_is_refused():
    with pytest.raises(ValueError, match="begins no frame"):
        worker.read_frame(io.BytesIO(b"PYTHON 2").read)


def test_an_array_that_is_too_large_is_not_sent(monkeypatch):
    monkeypatch.setattr(worker, "LARGEST", 100)
    with pytest.raises(MemoryError, match="an array of 800 bytes is not sent"):
        crossed(np.ones(100))


def test_a_subject_in_a_process_describes_itself(plain):
    assert plain.name == "plain"
    assert plain.source == "from plain_cnn import subject"
    assert plain.limits == {"conv2d": {"stride": 1, "bias": None}}
    lacking = plain.lacking(CATALOGUE["conv2d"])
    assert sorted(lacking) == ["dilation", "groups", "padding"]
    assert plain.lacking(CATALOGUE["linear"]) == {}


def test_arguments_and_results_are_those_of_the_subject(plain):
    x = np.asfortranarray(np.ones((2, 3), np.float32))
    (args, keywords) = plain.operations["linear"](x, None, [1, (2,)], stride=(1, 2))
    assert args[1:] == (None, [1, (2,)])
    assert args[0].flags.f_contiguous
    assert args[0].dtype == np.float32
    assert keywords == {"stride": (1, 2)}
    with pytest.raises(NotImplementedError, match="no strides"):
        plain.operations["conv2d"](x, x)


def test_the_subject_sees_a_stub_of_the_judge(plain):
    python, numpy, package = plain.operations["tanh"](np.ones(1))
    assert process_of(plain).versions == {"python": python, "numpy": numpy}
    assert package == "_Stub"


def test_pullbacks_stay_in_the_process_and_are_released(plain):
    relu, x = plain.operations["relu"], np.array([-1.0, 2.0])
    pullbacks = [relu(x)[1] for _ in range(5)]
    assert [p(np.array([3.0, 4.0])).tolist() for p in pullbacks] == [[0.0, 4.0]] * 5
    before = len(process_of(plain).released)
    del pullbacks
    assert len(process_of(plain).released) == before + 5
    relu(x)
    assert len(process_of(plain).released) <= 1


def test_the_oldest_pullbacks_are_dropped(plain, monkeypatch):
    relu, x = plain.operations["relu"], np.ones(1)
    pullbacks = [relu(x)[1] for _ in range(worker.KEPT_PULLBACKS + 1)]
    pullbacks[-1](x)
    with pytest.raises(Exception, match="dropped") as raised:
        pullbacks[0](x)
    assert type(raised.value).__name__ == "LookupError"


def test_frameworks_that_a_subject_imports_are_told(file):
    report = verify_at(Place(file), 1, ["relu"], [], 0, 0, ["float32"])
    assert report.notes == []
    its = report.versions["subject"]
    assert its == f"Python {report.versions['python']}, NumPy {np.__version__}"
    report = verify_at(Place(file), 1, ["relu", "silu"], [], 0, 0, ["float32"])
    assert report.notes == ["the subject has imported scipy: its results may be theirs"]


def test_two_processes_with_subjects_of_their_own_find_what_one_finds(file):
    options = (["relu", "silu"], [], 0, 0, ["float32"])
    both, one = (verify_at(Place(file), jobs, *options) for jobs in (2, 1))
    facts = [[(f.id, f.dtype, f.status, f.message) for f in r.findings] for r in (both, one)]
    assert facts[0] == facts[1]
    assert both.notes == one.notes


def alive(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def gone_within(pid, seconds):
    end = time.monotonic() + seconds
    while alive(pid) and time.monotonic() < end:
        time.sleep(0.05)
    return not alive(pid)


def test_no_process_is_left_after_the_context():
    with opened(f"{bad_subject.__file__}:subject", timeout=0.3) as subject:
        pid = process_of(subject).process.pid
        assert alive(pid)
        # Ctrl-C in a terminal is for the judge alone.
        assert os.getpgid(pid) != os.getpgrp()
        with pytest.raises(Hung, match=r"did not return within 0\.3 s"):
            subject.operations["hang"](np.ones(1))
        assert not alive(pid)
        subject.operations["right"](np.ones(1))
        again = process_of(subject).process.pid
        assert again != pid
    assert not alive(again)


def test_a_pullback_of_a_process_that_has_ended_says_so():
    with opened(f"{bad_subject.__file__}:subject") as subject:
        _, pullback = subject.operations["right"](np.ones(1))
        with pytest.raises(Died, match="SIGKILL"):
            subject.operations["kill"](np.ones(1))
        with pytest.raises(Gone, match="belongs to a process that has ended"):
            pullback(np.ones(1))
        subject.operations["right"](np.ones(1))
        with pytest.raises(Gone, match="belongs to a process that has ended"):
            pullback(np.ones(1))


def test_an_interruption_in_the_middle_of_a_call_ends_the_process():
    with opened(f"{bad_subject.__file__}:subject") as subject:
        pid = process_of(subject).process.pid
        before = signal.signal(signal.SIGALRM, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        signal.setitimer(signal.ITIMER_REAL, 0.3)
        try:
            with pytest.raises(KeyboardInterrupt):
                subject.operations["hang"](np.ones(1))
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
        assert not alive(pid)
        subject.operations["right"](np.ones(1))


JUDGE = """
import sys
import numpy as np
from reference_tests.process import opened, process_of
with opened(sys.argv[1], timeout=600) as subject:
    print(process_of(subject).process.pid, flush=True)
    subject.operations["hang"](np.ones(1))
"""


def test_a_subject_that_hangs_ends_with_a_judge_that_is_killed():
    command = [sys.executable, "-c", JUDGE, f"{bad_subject.__file__}:subject"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as judge:
        pid = int(judge.stdout.readline())
        assert alive(pid)
        judge.kill()
    assert gone_within(pid, 20)


def test_processes_of_subjects_end_with_the_processes_that_judge(tmp_path):
    pids = tmp_path / "pids"
    path = tmp_path / "slow_cnn.py"
    path.write_text(
        "import itertools, os\n"
        "from reference_tests import Implementation\n"
        "def slow(x):\n"
        f"    with open({str(pids)!r}, 'a') as file:\n"
        "        file.write(f'{os.getpid()}\\n')\n"
        # It holds Python's lock, so that its process cannot see that its parent is gone.
        "    sum(itertools.count())\n"
        "subject = Implementation('slow', {'relu': slow, 'tanh': slow})\n"
    )
    command = [sys.executable, "-m", "reference_tests.cli", f"{path}:subject", "--timeout", "600"]
    judge = subprocess.Popen(
        [*command, "--reference", "exact", "--jobs", "2"],
        stdout=subprocess.DEVNULL,
        # Whoever runs these tests in the background may ignore it.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    end = time.monotonic() + 60
    while time.monotonic() < end and (not pids.is_file() or pids.read_text().count("\n") < 2):
        time.sleep(0.05)
    judge.send_signal(signal.SIGINT)
    try:
        assert judge.wait(60) == 130
    finally:
        judge.kill()
    started = [int(pid) for pid in pids.read_text().split()]
    assert len(started) == 2
    assert all(gone_within(pid, 20) for pid in started)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--python", "no/such/python"], "--python no/such/python: there is no such file"),
        (["--python", __file__], "cannot be run"),
        (["--python", "/bin/cat"], "--python /bin/cat is no Python that starts"),
        (["--timeout", "0"], "--timeout is 0, expected more than 0"),
        (["--timeout", "nan"], "--timeout is nan, expected more than 0"),
        (["--timeout", "5", "--no-isolation"], "--timeout needs a process for the subject"),
        (["--python", sys.executable, "--no-isolation"], "--python needs a process"),
    ],
)
def test_what_makes_no_sense_is_bad_usage(arguments, message, file, capsys):
    assert cli.main([file, "--operation", "relu", *arguments]) == 2
    assert message in capsys.readouterr().err


def pretending(tmp_path, lines):
    """Return an interpreter of a few lines of shell."""
    path = tmp_path / "python"
    path.write_text("#!/bin/sh\n" + lines)
    path.chmod(0o755)
    return str(path)


def hello(**versions):
    """Return the first frame of a worker, as `printf` takes it."""
    stream = io.BytesIO()
    worker.write_frame(stream, versions, [])
    return "".join(f"\\{byte:o}" for byte in stream.getvalue())


OLD = hello(python="3.8.0", numpy="1.21.0")


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("echo \"ModuleNotFoundError: No module named 'numpy'\" >&2; exit 1", "has no NumPy"),
        ("echo 'SyntaxError: invalid syntax' >&2; exit 1", "is too old, expected Python 3.8"),
        ("echo 'a banner'; exec sleep 600", "is no Python that starts"),
        (f"printf '{OLD}'; exec sleep 600", "has NumPy 1.21.0, expected at least 1.22"),
    ],
)
def test_what_an_interpreter_lacks_is_told(lines, message, file, tmp_path, capsys):
    arguments = ["--operation", "relu", "--python", pretending(tmp_path, lines)]
    assert cli.main([file, *arguments]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("lines", ["exec sleep 600", "exec yes >&2"])
def test_an_interpreter_that_does_not_answer_is_told(lines, file, tmp_path, monkeypatch):
    monkeypatch.setattr(host, "START", 0.3)
    with pytest.raises(UnknownName, match="is no Python that starts"):
        opened(file, pretending(tmp_path, lines)).__enter__()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1 / 0", r"cannot be imported: ZeroDivisionError"),
        ("import no_such_module", r"cannot be imported: ModuleNotFoundError"),
        ("raise SystemExit", r"cannot be imported: SystemExit"),
        ("import os; os._exit(7)", r"cannot be imported: ended its process with exit code 7"),
        ("subject = 3", r"is a int, expected a reference_tests.Implementation"),
    ],
)
def test_a_subject_that_cannot_be_imported_is_told(text, message, tmp_path):
    path = tmp_path / "broken_cnn.py"
    path.write_text(text + "\n")
    with pytest.raises(UnknownName, match=message):
        opened(f"{path}:subject").__enter__()


@pytest.mark.parametrize("text", ["def f(:", "def f():\n    1 / 0\nf()"])
@pytest.mark.parametrize("options", [[], ["--no-isolation"]])
def test_the_trace_of_an_import_begins_with_the_subject(text, options, tmp_path, capsys):
    path = tmp_path / "broken_cnn.py"
    path.write_text(text + "\n")
    assert cli.main([f"{path}:subject", *options]) == 2
    files = re.findall('File "(.*?)"', capsys.readouterr().err)
    assert set(files) == {str(path)}


def test_the_whole_package_is_there_for_a_subject_that_asks_for_it(tmp_path):
    path = tmp_path / "curious_cnn.py"
    path.write_text(
        "from reference_tests import CATALOGUE, Implementation\n"
        "from reference_tests.references.exact import subject as exact\n"
        "names = list(CATALOGUE)[:2]\n"
        "subject = Implementation('curious', {n: exact.operations[n] for n in names})\n"
    )
    with opened(f"{path}:subject") as subject:
        assert len(subject.operations) == 2
        verify(subject, list(subject.operations), [], examples=2, diagnose=False).assert_ok()


def test_a_place_in_this_process_needs_no_other(file):
    with opened_at(Place(file, isolated=False)) as subject:
        assert process_of(subject) is None
        assert isinstance(subject, Implementation)


def interpreters():
    """Return the Pythons of other versions at hand, which may have no NumPy."""
    names = [f"python3.{minor}" for minor in (12, 13)]
    folders = [Path(entry) for entry in os.environ.get("PATH", "").split(os.pathsep)]
    given = os.environ.get("REFERENCE_TESTS_PYTHONS", "").split(os.pathsep)
    found = [str(folder / name) for folder in folders for name in names]
    return [path for path in (*given, *found) if path and os.access(path, os.X_OK)]


def test_other_interpreters_run_the_same_subject(file, tmp_path):
    judged = set()
    for path in interpreters():
        try:
            report = verify_at(Place(file, True, path), 1, ["relu"], [], 2, 0, ["float32"])
        except UnknownName:
            continue
        report.assert_ok()
        judged.add(report.versions["subject"])
    if not judged:
        pytest.skip("there is no other Python with NumPy: REFERENCE_TESTS_PYTHONS names none")


def test_the_command_runs_a_subject_in_the_interpreter_that_it_is_given(file, tmp_path, capsys):
    path = tmp_path / "report.json"
    words = ["--operation", "relu", "--reference", "exact", "--examples", "1", "--json", str(path)]
    assert cli.main([file, *words, "--python", sys.executable]) == 0
    subject = json.loads(path.read_text())["versions"]["subject"]
    assert f"plain ({subject}) judged against the exact oracle" in capsys.readouterr().out


def test_no_module_of_the_judge_hides_one_of_the_library():
    ours = {path.stem for path in worker.FOLDER.iterdir()}
    assert not ours & sys.stdlib_module_names


def conversation(*requests):
    """Return the answers of a server in this process, as headers with unpacked results."""
    stream = io.BytesIO()
    for header, arguments in requests:
        arrays: list = []
        worker.write_frame(
            stream, {**header, "arguments": worker.packed(arguments, arrays)}, arrays
        )
    stream.seek(0)
    answers = io.BytesIO()
    worker.Server(stream, answers).serve()
    answers.seek(0)
    found = []
    while answers.tell() < len(answers.getvalue()):
        header, arrays = worker.read_frame(answers.read)
        if "result" in header:
            header["result"] = worker.unpacked(header["result"], arrays, lambda number: number)
        found.append(header)
    return found


def test_a_server_answers_one_request_after_the_other():
    x = np.array([-1.0, 2.0])
    call = (((x,), {}),)
    hello, said, right, pulled, released, view, raised, unsupported, unknown = conversation(
        ({"load": f"{bad_subject.__file__}:subject", "path": []}, None),
        ({"call": "right"}, *call),
        ({"pull": 1}, *call),
        ({"pull": 1, "released": [1]}, *call),
        ({"call": "view"}, *call),
        ({"call": "raise"}, *call),
        ({"call": "refuse"}, *call),
        ({"load": f"{bad_subject.__file__}:nothing", "path": []}, None),
    )
    assert hello["numpy"] == np.__version__
    assert said["operations"]["right"] == [["x", 1, False]]
    assert (right["result"][0].tolist(), right["result"][1]) == ([0.0, 2.0], 1)
    assert pulled["result"].tolist() == [-0.0, 2.0]
    assert released["error"][0] == "LookupError"
    assert view["aliases"] == [[0, 0]]
    assert raised["error"][:2] == ["Special", "not today"]
    assert raised["error"][2].startswith("bad_subject.py:")
    assert unsupported["error"][:2] == ["NotImplementedError", "not yet"]
    assert "has no nothing" in unknown["unknown"]


def test_what_a_subject_changes_and_overwrites_is_told():
    call = (((np.array([-1.0, 2.0]),), {}),)
    _, _, changed, first, second = conversation(
        ({"load": f"{bad_subject.__file__}:subject", "path": []}, None),
        ({"call": "change"}, *call),
        ({"call": "buffer"}, *call),
        ({"call": "buffer"}, ((np.array([3.0, 4.0]),), {})),
    )
    assert (changed["changed"], changed["overwrote"]) == ([0], False)
    assert (first["changed"], first["overwrote"]) == ([], False)
    assert second["overwrote"]
