"""The options for files: checked before any work, each file whole or none, also after Ctrl-C."""

import json
import os
import stat

import pytest

from reference_tests import cli, files
from reference_tests.commands import run
from reference_tests.faces import FACES
from reference_tests.implementation import load
from reference_tests.judge import Interrupted, verify

RELU = ["--operation", "relu", "--examples", "2", "--reference", "exact", "--jobs", "1"]
OPTIONS = [f"--{name}" for name in FACES]


@pytest.fixture
def unjudged(monkeypatch):
    """Fail if anything is judged."""

    def judged(*arguments, **options):
        raise AssertionError("judged before the options were checked")

    monkeypatch.setattr(run, "verify_at", judged)


def test_all_faces_are_written_at_once(tmp_path, capsys):
    paths = {name: tmp_path / f"report.{name}" for name in FACES}
    words = [word for name, path in paths.items() for word in (f"--{name}", str(path))]
    assert cli.main([*RELU, *words]) == 0
    assert "ok: 1 of 1 operations passed" in capsys.readouterr().out
    assert sorted(tmp_path.iterdir()) == sorted(paths.values())
    for name, begins in (("json", "{"), ("junit", "<?xml"), ("html", "<!doctype html>")):
        assert paths[name].read_text().startswith(begins)
    assert paths["badge"].read_text().startswith("<svg")
    assert "scratchcnn: ok" in paths["markdown"].read_text()


@pytest.mark.parametrize("name", FACES)
def test_a_face_on_the_output_is_alone_there(name, capsys):
    assert cli.main([*RELU, f"--{name}", "-"]) == 0
    out = capsys.readouterr().out
    assert out.startswith(("{", "<?xml", "###", "<!doctype html>", "<svg"))
    assert "error / bound" not in out or name == "html"


@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("no/such/report", "there is no such folder"),
        (".", "it is no file that can be written: Is a directory"),
        ("x" * 300, "it is no file that can be written: File name too long"),
        ("a\0b", "embedded null byte"),
    ],
)
def test_a_file_that_cannot_be_written_is_bad_usage(option, path, message, unjudged, capsys):
    assert cli.main([*RELU, option, path]) == 2
    error = capsys.readouterr().err
    assert f"{option} {path!r}: {message}" in error


def test_two_faces_in_one_file_are_bad_usage(tmp_path, unjudged, capsys):
    (tmp_path / "link").symlink_to(tmp_path / "report")
    for other in (tmp_path / "report", tmp_path / "." / "report", tmp_path / "link"):
        words = ["--json", str(tmp_path / "report"), "--html", str(other)]
        assert cli.main([*RELU, *words]) == 2
        assert "--json and --html are both" in capsys.readouterr().err
    assert cli.main([*RELU, "--json", "-", "--badge", "-"]) == 2
    assert "--json and --badge are both '-', expected two files" in capsys.readouterr().err


@pytest.mark.parametrize("option", [option for option in OPTIONS if option != "--json"])
def test_accuracy_has_json_only(option, tmp_path, unjudged, capsys):
    assert cli.main(["--accuracy", "--operation", "relu", option, str(tmp_path / "a")]) == 2
    assert "--accuracy compares float32 with PyTorch: it goes with" in capsys.readouterr().err


def test_files_are_written_after_ctrl_c(tmp_path, monkeypatch, capsys):
    def interrupted(place, *rest, **options):
        subject = load("reference_tests.implementations.scratchcnn:subject")
        raise Interrupted(verify(subject, ["relu"], ["exact"], examples=1))

    monkeypatch.setattr(run, "verify_at", interrupted)
    words = [word for name in FACES for word in (f"--{name}", str(tmp_path / name))]
    assert cli.main([*RELU, *words]) == 130
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(FACES)


def test_what_one_face_cannot_do_does_not_keep_the_others(tmp_path, monkeypatch, capsys):
    from reference_tests.faces import junit

    def broken(report):
        raise RuntimeError("of the face")

    monkeypatch.setattr(junit, "render", broken)
    words = [word for name in FACES for word in (f"--{name}", str(tmp_path / name))]
    assert cli.main([*RELU, *words]) == 3
    assert "of the face" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted({*FACES} - {"junit"})


def test_show_makes_every_face_of_a_written_report(tmp_path, capsys):
    path = tmp_path / "report.json"
    words = [word for name in FACES for word in (f"--{name}", str(tmp_path / f"a.{name}"))]
    cli.main([*RELU, "--json", str(path)])
    printed = capsys.readouterr().out
    assert cli.main(["show", str(path), *words]) == 0
    assert capsys.readouterr().out.split("\n")[-2] == printed.split("\n")[-2]
    assert (tmp_path / "a.json").read_text() == path.read_text()
    assert (tmp_path / "a.html").read_text().startswith("<!doctype html>")


def test_show_has_the_exit_code_of_the_report(tmp_path, monkeypatch, capsys):
    path = tmp_path / "report.json"
    cli.main([*RELU, "--json", str(path)])
    plain = json.loads(path.read_text())
    plain["operations"][0]["findings"][0]["status"] = "failed"
    path.write_text(json.dumps(plain))
    assert cli.main(["show", str(path)]) == 1
    assert "not ok: 0 of 1 operations passed" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is no report: Expecting value"),
        ("[]", "is no report: from_dict: the argument has no schema"),
        ('{"schema": 1}', "is no report: from_dict: schema is 1, expected 2"),
        (None, "cannot be read: [Errno 2]"),
        (b"\xff", "cannot be read: 'utf-8' codec"),
    ],
)
def test_what_cannot_be_shown_is_bad_usage(text, message, tmp_path, capsys):
    path = tmp_path / "report.json"
    if text is not None:
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    assert cli.main(["show", str(path)]) == 2
    assert message in capsys.readouterr().err


def test_show_reads_the_input(monkeypatch, capsys):
    import io

    cli.main([*RELU, "--json", "-"])
    monkeypatch.setattr("sys.stdin", io.StringIO(capsys.readouterr().out))
    assert cli.main(["show", "-", "--badge", "-"]) == 0
    assert capsys.readouterr().out.startswith("<svg")


def test_a_link_stays_and_a_file_keeps_its_mode(tmp_path):
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_text("old")
    target.chmod(0o640)
    link.symlink_to(target)
    files.check(link)
    files.write(link, "new")
    assert link.is_symlink()
    assert target.read_text() == "new"
    assert stat.S_IMODE(target.stat().st_mode) == 0o640


def test_others_can_read_a_new_file(tmp_path):
    before = os.umask(0o022)
    try:
        files.write(tmp_path / "new", "text")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o644


def test_a_device_is_written_and_not_replaced(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        files.check(pipe)
        files.write(pipe, "text")
        assert os.read(reader, 10) == b"text"
    finally:
        os.close(reader)
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "report"
    path.write_text("old")
    with pytest.raises(UnicodeEncodeError):
        files.write(path, "\ud800")
    assert [p.read_text() for p in tmp_path.iterdir()] == ["old"]


def test_checking_leaves_nothing(tmp_path):
    files.check(tmp_path / "report")
    assert list(tmp_path.iterdir()) == []
