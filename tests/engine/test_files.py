"""All file operations of the engine go through one module, where tests can stop them."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from ltxbuild.engine import files
from ltxbuild.problem import ProjectError

ENGINE = Path(files.__file__).parent
METHODS = {
    *("write_text", "write_bytes", "unlink", "rename", "mkdir", "rmdir", "touch", "chmod", "symlink_to"),
    *("hardlink_to", "removedirs", "makedirs", "truncate", "ftruncate", "pwrite", "fsync", "utime", "rmtree"),
    *("copy", "copy2", "copyfile", "copytree", "copyfileobj", "move", "link", "symlink", "remove"),
}
# Modules whose operations are announced; `fs` is a filesystem elsewhere, which no crash here can tear.
OURS = {"files", "fs"}


def changes_of_disk(source: str) -> list[str]:
    """Calls that may write, rename or remove, as `line: call`."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and _changes(node):
            found.append(f"{node.lineno}: {ast.unparse(node.func)}")
    return found


def _changes(call: ast.Call) -> bool:
    function = call.func
    if isinstance(function, ast.Name):
        return function.id == "open" and _opens_for_writing(call)
    if not isinstance(function, ast.Attribute):
        return False
    owner = function.value.id if isinstance(function.value, ast.Name) else ""
    if owner in OURS:
        return False
    if owner == "shutil":
        return True
    if owner == "os":
        return function.attr in METHODS | {"replace", "open", "write"}
    if function.attr == "replace":  # of a path; that of a text takes two arguments, that of a date names them
        return len(call.args) == 1 and not call.keywords
    if function.attr == "open":
        return _opens_for_writing(call)
    return function.attr in METHODS - {"copy", "remove"}


def _opens_for_writing(call: ast.Call) -> bool:
    words = [n.value for n in ast.walk(call) if isinstance(n, ast.Constant) and isinstance(n.value, str)]
    return any(set(word) & set("wax+") and set(word) <= set("rwxabt+") for word in words)


@pytest.mark.parametrize("path", sorted(ENGINE.glob("*.py")), ids=lambda p: p.name)
def test_only_one_module_changes_the_disk(path: Path) -> None:
    found = changes_of_disk(path.read_text())
    if path.name == "files.py":
        assert len(found) > 10
    else:
        assert found == []


@pytest.mark.parametrize(
    "line",
    [
        "open(p, 'wb')",
        "p.open('a')",
        "os.replace(a, b)",
        "path.replace(b)",
        "p.write_text('x')",
        "shutil.rmtree(p)",
        "os.open(p, os.O_RDWR)",
        "p.unlink()",
        "os.utime(p)",
    ],
)
def test_the_search_finds_each_way_of_writing(line: str) -> None:
    assert changes_of_disk(line)


def test_every_operation_is_announced_before_it_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For each public function the hook is called while the disk is still as it was."""
    (tmp_path / "old").write_text("old")
    (tmp_path / "tree" / "inner").mkdir(parents=True)
    (tmp_path / "empty").mkdir()
    calls = {
        "make_folder": lambda: files.make_folder(tmp_path / "new"),
        "write_atomic": lambda: files.write_atomic(tmp_path / "written", b"x"),
        "replace": lambda: files.replace(tmp_path / "old", tmp_path / "other"),
        "copy": lambda: files.copy(tmp_path / "old", tmp_path / "copied"),
        "protect": lambda: files.protect(tmp_path / "old"),
        "remove": lambda: files.remove(tmp_path / "old"),
        "remove_tree": lambda: files.remove_tree(tmp_path / "tree"),
        "remove_empty": lambda: files.remove_empty(tmp_path / "empty", tmp_path),
        "open_lock": lambda: files.open_lock(tmp_path / "lock"),
        "clock": lambda: files.clock(tmp_path),
        "Appender": lambda: files.Appender(tmp_path / "journal"),
        "sync_file": lambda: files.sync_file(tmp_path / "old"),
        "sync_folder": lambda: files.sync_folder(tmp_path),
        "claim": lambda: files.claim(tmp_path / "old", tmp_path / "claimed"),
    }
    # What only reads, what is built from the others, and what needs a handle from one of them.
    others = {"temporary_for", "scan", "sweep", "label_lock"}
    public = {
        name
        for name, thing in vars(files).items()
        if getattr(thing, "__module__", "") == files.__name__ and not name.startswith("_")
    }
    assert public == calls.keys() | others

    class Stop(Exception):
        pass

    def hook(operation: str, path: str) -> None:
        raise Stop

    before = _listing(tmp_path)
    monkeypatch.setattr(files, "hook", hook)
    for name, call in calls.items():
        with pytest.raises(Stop):
            call()
        assert _listing(tmp_path) == before, name


def _listing(folder: Path) -> dict[str, tuple[int, bytes]]:
    return {
        str(p.relative_to(folder)): (p.stat().st_mode, p.read_bytes() if p.is_file() else b"")
        for p in folder.rglob("*")
    }


def test_half_a_line_of_a_journal_is_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that fills in the middle of a line must not leave a half that swallows the next one."""
    log = files.Appender(tmp_path / "journal")
    log.append(b"first\n")
    true = files.os.write

    def write(handle: int, data: memoryview) -> int:
        if len(data) < 4:
            raise OSError(28, "No space left on device")
        return true(handle, data[:4])

    monkeypatch.setattr(files.os, "write", write)
    with pytest.raises(ProjectError) as caught:
        log.append(b"second\n")
    monkeypatch.setattr(files.os, "write", true)
    log.append(b"third\n")
    log.close()
    assert caught.value.problems[0].code == "B130"
    assert (tmp_path / "journal").read_bytes() == b"first\nthird\n"


def test_a_disk_that_fills_while_the_journal_is_written_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was there before stays, and the error is that of the disk."""
    from ltxbuild.engine import state

    monkeypatch.setattr(state, "COMPACT_LINES", 0)
    monkeypatch.setattr(state, "COMPACT_FACTOR", 0)
    path = tmp_path / "journal"
    first = state.State.load(path, write=True)
    first.add_stat("a", [1, 2, 3, 4, "digest"])
    kept = path.read_bytes()

    def hook(operation: str, name: str) -> None:
        if operation == "write":
            raise ProjectError([])

    monkeypatch.setattr(files, "hook", hook)
    with pytest.raises(ProjectError):
        first.close()
    assert path.read_bytes() == kept
    assert state.State.load(path, write=False).stats == {"a": [1, 2, 3, 4, "digest"]}
