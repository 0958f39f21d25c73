"""Which files have to stay as they are for the answer "nothing to do" to hold. Judges none of them."""

from __future__ import annotations

from pathlib import Path

from ltxbuild.commands.session import Session
from ltxbuild.engine import files, stamp
from ltxbuild.engine.workspace import FOLDER
from ltxbuild.project.pins import LOCK


def now(root: Path) -> int:
    """The filesystem's time; 0 before the first build, so that nothing is older."""
    folder = root / FOLDER
    return files.clock(folder) if folder.is_dir() else 0


def put_stamp(session: Session, call: str, since: int) -> None:
    """Remember that the call has nothing to do while none of these files changes."""
    root, space = session.project.root, session.space
    paths = ["lora.toml", "captions.toml"]
    paths.append(LOCK)  # its pins are read for every variant, its content written for the project's own
    build = session.build_folder.relative_to(root)
    paths += [key for key in space.state.delivered if Path(key).is_relative_to(build)]
    base = session.project.base
    if base.folder is not None:
        paths += [str(file.resolve()) for file in sorted(base.folder.rglob("*.safetensors"))]
    if base.file is not None:
        paths.append(str(base.file.resolve()))
    from ltxbuild.project.identity import machine_file

    machine = machine_file()
    paths.append(str(machine if machine.exists() else _existing_parent(machine)))
    stamp.write(str(root), call, ["clips"], paths, since)


def _existing_parent(path: Path) -> Path:
    """The folder whose time changes if the file, or a folder above it, comes into being."""
    while not path.exists():
        path = path.parent
    return path
