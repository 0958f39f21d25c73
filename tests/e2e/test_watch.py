"""`ltxbuild watch` as a process on a real folder, with the save patterns of real editors. Nothing here needs torch."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ltxbuild.engine.watch.settling import STILL
from tests.e2e.project import command, edit, run
from tests.e2e.watching import PATIENCE, SAVES, Watch, codes, of, ran

LORA = """\
name = "mira"
trigger = "mira_char"
class = "shape"
type = "character"
base = "tiny"
"""
CAPTIONS = """\
mira_01 = "mira_char, a shape moves right over a plain black background"
mira_02 = "mira_char, seen from far away, stands in a dotted yellow corner"
mira_03 = "mira_char falls slowly, everything else is grey and striped"
"""
FIRST = "mira_char, a shape moves right"
# The trigger mistyped: an error that only this makes.
WRONG, RULE = "miro_char, a shape moves right", "TRG702"


@pytest.fixture(scope="session")
def linted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small project whose clips were linted once."""
    demo = tmp_path_factory.mktemp("watch")
    made = run(demo, "init", "character", str(demo / "demo"), "--demo")
    assert made.code == 0, made.err
    folder = demo / "mira"
    (folder / "clips").mkdir(parents=True)
    for number in (1, 2, 3):
        shutil.copy(demo / "demo" / "clips" / f"mira_{number:02d}.mp4", folder / "clips")
    shutil.copy(demo / "demo" / "clips" / "mira_04.mp4", demo / "spare.mp4")
    (folder / "lora.toml").write_text(LORA)
    (folder / "captions.toml").write_text(CAPTIONS)
    done = run(folder, "lint")
    assert RULE not in done.out and "0 errors" not in done.out, done.out + done.err
    return folder


@pytest.fixture
def project(linted: Path, tmp_path: Path) -> Path:
    """A copy of it, old enough that no clip seems to be on its way."""
    folder = tmp_path / "mira"
    shutil.copytree(linted, folder)
    return folder


@pytest.fixture
def spare(linted: Path) -> Path:
    """Another clip."""
    return linted.parent / "spare.mp4"


@pytest.mark.parametrize("save", SAVES, ids=lambda save: save.__name__)
def test_a_save_is_linted_once(project: Path, save: Callable[[Path, bytes], None]) -> None:
    path = project / "captions.toml"
    with Watch(project, "lint") as watch:
        assert RULE not in codes(watch.rest())
        for text, found in ((CAPTIONS.replace(FIRST, WRONG), True), (CAPTIONS, False)):
            save(path, text.encode())
            events = watch.rest()
            assert [e["files"] for e in of(events, "changed")] == [{"captions.toml": "changed"}]
            assert len(of(events, "linted")) == 1
            assert (RULE in codes(events)) == found
        watch.quiet_for(2)


@pytest.mark.skipif(shutil.which("vim") is None, reason="vim is not installed")
@pytest.mark.parametrize("options", ["backup writebackup backupcopy=no", "nobackup backupcopy=yes", ""])
def test_the_real_vim(project: Path, options: str) -> None:
    with Watch(project, "lint") as watch:
        watch.rest()
        script = [
            *(["-c", f"set {options}"] if options else []),
            "-c",
            "%s/mira_char, a/miro_char, a/",
            "-c",
            "wq",
        ]
        subprocess.run(["vim", "-u", "NONE", "-es", *script, str(project / "captions.toml")], check=True)
        assert "miro_char, a" in (project / "captions.toml").read_text()
        events = watch.rest()
        assert RULE in codes(events)
        assert of(events, "changed")[0]["files"] == {"captions.toml": "changed"}


def test_polling_sees_a_save(project: Path) -> None:
    with Watch(project, "lint", "--poll") as watch:
        watch.rest()
        edit(project / "captions.toml", FIRST, WRONG)
        assert RULE in codes(watch.rest())


def test_the_whole_folder_is_watched(project: Path, neutral: Path) -> None:
    """Settings, the user's own file that comes into being with its folders, clips."""
    with Watch(project, "lint") as watch:
        watch.rest()
        edit(project / "lora.toml", 'trigger = "mira_char"', 'trigger = "nora_char"')
        assert "lora.toml" in of(watch.rest(), "changed")[0]["files"]
        mine = neutral / "config" / "ltxbuild" / "config.toml"
        mine.parent.mkdir(parents=True)
        mine.write_text("[memory]\ndevcie = 1\n")
        assert of(watch.rest(), "problems")[0]["problems"][0]["code"] == "P201"
        mine.unlink()
        assert of(watch.rest(), "linted")


def test_mistakes_are_told_and_mended(project: Path) -> None:
    with Watch(project, "lint") as watch:
        watch.rest()
        good = (project / "lora.toml").read_text()
        for wrong, code in (("name = \n", "P104"), ("rnk = 1\n", "P201"), ("", "P100")):
            if wrong:
                (project / "lora.toml").write_text(wrong + good)
            else:
                (project / "lora.toml").unlink()
            events = watch.rest()
            assert of(events, "problems")[0]["problems"][0]["code"] == code
            assert not of(events, "linted")
            assert watch.seen[-1]["waiting"] == "project"
        (project / "lora.toml").write_text(good)
        assert of(watch.rest(), "linted")


def test_the_same_mistake_is_shown_in_full_only_once(project: Path) -> None:
    process = subprocess.Popen(
        command(project, "watch", "lint"), stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    try:
        assert "watching for changes" in upto(process.stderr.readline, "watching for changes")
        text = (project / "lora.toml").read_text()
        (project / "lora.toml").write_text(text + "rnk = 1\n")
        upto(process.stderr.readline, "lora.toml changed")
        assert process.stderr.readline().startswith("error[P201]: unknown key")
        upto(process.stderr.readline, "watching:")
        edit(project / "captions.toml", FIRST, WRONG)
        upto(process.stderr.readline, "captions.toml changed")
        assert process.stderr.readline() == "unchanged: error[P201] lora.toml:6:1\n"
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


def upto(readline: Callable[[], str], words: str) -> str:
    """The first line with these words."""
    while line := readline():
        if words in line:
            return line
    raise AssertionError(f"never said: {words}")


class Copy:
    """A file that grows piece by piece, faster than anybody would take it for whole."""

    def __init__(self, path: Path) -> None:
        self._file = open(path, "wb", buffering=0)  # noqa: SIM115 - closed by the context
        self._last = time.monotonic()

    def __enter__(self) -> Copy:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def write(self, piece: bytes) -> None:
        self._file.write(piece)
        if time.monotonic() - self._last > 0.8 * STILL:
            pytest.skip("this machine stood still longer than a copied file may")
        self._last = time.monotonic()
        time.sleep(0.1)


def test_a_clip_that_is_copied_slowly_is_read_when_it_is_whole(project: Path, spare: Path) -> None:
    data, target = spare.read_bytes(), project / "clips" / "mira_04.mp4"
    with Watch(project, "lint") as watch:
        watch.rest()
        with Copy(target) as copy:
            for start in range(0, len(data), len(data) // 20):
                copy.write(data[start : start + len(data) // 20])
        events = watch.rest()
        assert of(events, "changed")[0]["files"] == {"clips/mira_04.mp4": "new"}
        assert ran(events).count("probe:mira_04") == 1
        assert "CLP001" not in codes(watch.seen), "it was read before it was whole"
        watch.quiet_for(2)


def test_a_save_during_a_long_copy_leaves_the_clip_out(project: Path, spare: Path) -> None:
    data, target = spare.read_bytes(), project / "clips" / "mira_04.mp4"
    with Watch(project, "lint") as watch:
        watch.rest()
        edit(project / "captions.toml", FIRST, WRONG)
        with Copy(target) as copy:
            sent = 0
            while not any("mira_04" in str(e) for e in watch.seen):
                copy.write(data[sent : sent + 10])
                sent += 10
                assert sent < len(data) - 100
                drain(watch)
            changed = of(watch.seen, "changed")[-1]
            assert changed["files"] == {"captions.toml": "changed"}
            assert changed["left_out"] == ["clips/mira_04.mp4"]
            copy.write(data[sent:])
        watch.until("changed", lambda e: e["files"] == {"clips/mira_04.mp4": "new"})
        assert "probe:mira_04" in ran(watch.rest())
        assert "CLP001" not in codes(watch.seen)


def drain(watch: Watch) -> None:
    """Take what has come, without waiting."""
    while not watch._events.empty():
        event = watch._events.get()
        assert event is not None
        watch.seen.append(event)


def test_clips_come_go_and_are_renamed(project: Path, spare: Path) -> None:
    clips = project / "clips"
    with Watch(project, "lint") as watch:
        watch.rest()
        shutil.copy(spare, clips / "mira_04.mp4")
        assert "probe:mira_04" in ran(watch.rest())
        (clips / "mira_04.mp4").rename(clips / "other.mp4")
        events = watch.rest()
        assert of(events, "changed")[0]["files"] == {"clips/mira_04.mp4": "gone", "clips/other.mp4": "new"}
        assert "probe:other" not in ran(events), "its content is known"
        (clips / "other.mp4").unlink()
        assert of(watch.rest(), "changed")[0]["files"] == {"clips/other.mp4": "gone"}


def test_the_folder_of_clips_goes_and_comes_back(project: Path) -> None:
    with Watch(project, "lint") as watch:
        before = codes(watch.rest())
        (project / "clips").rename(project / "away")
        gone = watch.rest()
        assert of(gone, "changed")[0]["files"]["clips"] == "gone"
        assert codes(gone) != before
        (project / "away").rename(project / "clips")
        assert codes(watch.rest()) == before
        edit(project / "captions.toml", FIRST, WRONG)
        assert RULE in codes(watch.rest())
        (project / "clips" / "mira_03.mp4").unlink()  # seen in the folder that came back
        assert of(watch.rest(), "changed")[0]["files"] == {"clips/mira_03.mp4": "gone"}


def git(folder: Path, *words: str) -> None:
    who = ["-c", "user.name=m", "-c", "user.email=m@example.org"]
    subprocess.run(["git", "-C", str(folder), *who, *words], check=True, capture_output=True)


def test_a_checkout_of_another_branch(project: Path, spare: Path) -> None:
    (project / ".gitignore").write_text(".ltxbuild/\nbuild/\n")
    git(project, "init", "-q", "-b", "one")
    git(project, "add", ".")
    git(project, "commit", "-qm", "one")
    git(project, "checkout", "-qb", "two")
    shutil.copy(spare, project / "clips" / "mira_04.mp4")
    (project / "clips" / "mira_03.mp4").unlink()
    text = CAPTIONS.replace(FIRST, WRONG).replace("mira_03 =", "mira_04 =")
    (project / "captions.toml").write_text(text)
    git(project, "add", ".")
    git(project, "commit", "-qm", "two")
    git(project, "checkout", "-q", "one")
    with Watch(project, "lint") as watch:
        before = codes(watch.rest())
        git(project, "checkout", "-q", "two")
        watch.until("changed", lambda e: "clips/mira_04.mp4" in e["files"])
        assert codes(watch.rest()) == before | {RULE}
        git(project, "checkout", "-q", "one")
        watch.until("changed", lambda e: "clips/mira_03.mp4" in e["files"])
        assert codes(watch.rest()) == before
        assert not of(watch.seen, "problems")
        watch.quiet_for(2)


def test_it_never_triggers_itself_and_lets_others_build(project: Path) -> None:
    shutil.rmtree(project / ".ltxbuild")  # so that a lot is written
    with Watch(project, "lint") as watch:
        first = watch.rest()
        assert {"probe:mira_01", "lint:all"} <= set(ran(first))
        assert (project / "build" / "lint.html").exists()
        watch.quiet_for(4)
        assert run(project, "lint", "-f", "lint:all").code in (0, 1), "idle, it holds no lock"
        (project / "build" / "lint.html").unlink()
        (project / "ltxbuild.lock").write_text("")
        (project / ".git").mkdir()
        (project / "notes.txt").write_text("x")
        watch.quiet_for(3)


def test_it_waits_for_another_build(project: Path) -> None:
    with Watch(project, "lint") as watch:
        watch.rest()
        with open(project / ".ltxbuild" / "lock", "r+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            edit(project / "captions.toml", FIRST, WRONG)
            assert watch.until("watching")["waiting"] == "lock"
            assert RULE not in codes(watch.seen)
        watch.until("linted")
        assert RULE in codes(watch.seen)
        assert watch.until("watching")["waiting"] == "nothing"


def test_a_failed_action_is_told_once_and_not_tried_again(project: Path) -> None:
    log = project / ".ltxbuild" / "logs" / "lint_mira_01.log"
    log.unlink()
    log.mkdir()  # no worker can write its log there
    with Watch(project, "lint") as watch:
        watch.rest()
        captions = project / "captions.toml"
        edit(captions, FIRST, WRONG)
        events = watch.rest()
        assert [e["action"] for e in of(events, "failed")] == ["lint:mira_01"]
        assert not of(events, "linted")
        edit(captions, "seen from far away", "seen from near by")
        events = watch.rest()
        assert not of(events, "failed") and "lint:mira_02" in ran(events)
        assert of(events, "done")[0]["failed"] == ["lint:mira_01"], "but it is not forgotten"
        edit(captions, WRONG, f"{WRONG}s")
        assert of(watch.rest(), "failed"), "another caption is another try"
        log.rmdir()
        edit(captions, f"{WRONG}s", f"{WRONG}s on")
        assert RULE in codes(watch.rest())


def test_ctrl_c_ends_it_and_loses_nothing(project: Path) -> None:
    with Watch(project, "lint") as watch:
        watch.rest()
        edit(project / "captions.toml", FIRST, WRONG)
        watch.until("linted")
        assert watch.interrupt() == 130
    again = run(project, "lint", "--json")
    assert again.ran() == ["lint:tokens"], "watch leaves what needs the base to training"
    assert RULE in {e.get("code") for e in again.events}


def test_ctrl_c_in_the_first_build(project: Path) -> None:
    shutil.rmtree(project / ".ltxbuild")
    with Watch(project, "lint") as watch:
        watch.until("running")
        assert watch.interrupt() == 130
    done = run(project, "lint", "--json")
    kept = set(ran(watch.seen))
    assert not kept & set(done.ran())


@pytest.mark.parametrize(
    ("words", "code"),
    [(["lnit"], "B105"), (["lint", "-s", "train.rnk=1"], "P201"), (["lint", "-s", "x"], "P209")],
)
def test_a_call_that_no_save_can_mend_is_refused(project: Path, words: list[str], code: str) -> None:
    done = run(project, "watch", *words, timeout=PATIENCE)
    assert done.code == 2
    assert code in done.err


class Terminal:
    """A watch on a terminal of its own."""

    def __init__(self, folder: Path, *words: str) -> None:
        self._own, other = pty.openpty()
        self.process = subprocess.Popen(
            command(folder, "watch", *words),
            stdin=other,
            stdout=other,
            stderr=other,
            start_new_session=True,
            preexec_fn=take_terminal,
            env={**os.environ, "TERM": "dumb"},
        )
        os.close(other)
        self.said = ""

    def until(self, words: str) -> None:
        end = time.monotonic() + PATIENCE
        while words not in self.said:
            assert time.monotonic() < end, self.said
            if select.select([self._own], [], [], 1)[0]:
                self.said += os.read(self._own, 4096).decode("utf-8", "replace")

    def press(self, key: str) -> None:
        self.said = ""
        os.write(self._own, key.encode())

    def end(self) -> int:
        try:
            return self.process.wait(PATIENCE)
        finally:
            self.process.kill()
            self.process.wait()
            os.close(self._own)


def take_terminal() -> None:
    """Make standard input the controlling terminal, as a shell does."""
    import termios

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def test_q_leaves_and_enter_looks_again(project: Path) -> None:
    terminal = Terminal(project, "lint")
    terminal.until("watching for changes")
    terminal.press("\r")
    terminal.until("up to date")
    terminal.press("q")
    assert terminal.end() == 0


def test_ctrl_c_on_a_terminal(project: Path) -> None:
    terminal = Terminal(project, "lint")
    terminal.until("watching for changes")
    terminal.press("\x03")
    assert terminal.end() == 130


def test_light_work_loads_no_torch(project: Path) -> None:
    script = (
        "import sys, threading, os, signal\n"
        "from ltxbuild.cli import main\n"
        "threading.Timer(4, lambda: os.kill(os.getpid(), signal.SIGINT)).start()\n"
        f"code = main(['watch', 'lint', '-C', {str(project)!r}])\n"
        "loaded = {'torch', 'numpy', 'av', 'diffusers'} & set(sys.modules)\n"
        "assert code == 130 and not loaded, (code, loaded)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr


def test_saves_that_only_lint_do_not_fill_the_history(project: Path) -> None:
    with Watch(project, "lint") as watch:
        watch.rest()
        edit(project / "captions.toml", FIRST, WRONG)
        watch.rest()
    assert run(project, "builds").out == "nothing was built yet\n"
