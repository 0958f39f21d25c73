"""Unpacks a zip of clips within limits: no path leads out of the folder, no file is larger than it says."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path, PurePosixPath

LARGEST = 64 * 2**30  # bytes unpacked
RATIO = 200  # unpacked over packed: film does not shrink
MEMBERS = 100_000


def unpack(archive: Path, target: Path) -> None:
    """Write the files of the zip below `target`. Raises ValueError with the reason, having written nothing outside."""
    try:
        with zipfile.ZipFile(archive) as packed:
            members = [m for m in packed.infolist() if not m.is_dir()]
            _check(members, archive)
            for member in members:
                path = target.joinpath(*PurePosixPath(member.filename).parts)
                path.parent.mkdir(parents=True, exist_ok=True)
                with packed.open(member) as source, path.open("xb") as out:
                    shutil.copyfileobj(source, out)
    except (zipfile.BadZipFile, NotImplementedError, EOFError) as error:
        raise ValueError(f"{archive.name} is damaged or no zip: {error}") from None
    except FileExistsError as error:
        raise ValueError(
            f"{archive.name} holds two files called {Path(str(error.filename)).name!r}"
        ) from None
    except RuntimeError as error:  # zipfile says so of an encrypted member
        raise ValueError(f"{archive.name} cannot be unpacked: {error}") from None


def _check(members: list[zipfile.ZipInfo], archive: Path) -> None:
    if len(members) > MEMBERS or sum(m.file_size for m in members) > LARGEST:
        raise ValueError(
            f"{archive.name} would unpack to more than {LARGEST // 2**30} GiB or {MEMBERS} files"
        )
    for member in members:
        parts = PurePosixPath(member.filename).parts
        bad = (
            not parts
            or parts[0].startswith("/")
            or ".." in parts
            or any("\\" in p or "\0" in p for p in parts)
        )
        if bad or (parts and ":" in parts[0]):
            raise ValueError(f"{archive.name} holds {member.filename!r}, which leads out of its folder")
        if member.file_size > 2**20 and member.file_size > RATIO * max(1, member.compress_size):
            raise ValueError(
                f"{archive.name} holds {member.filename!r}, which unpacks to {RATIO} times its size"
            )
