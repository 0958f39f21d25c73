"""Whether file events can be trusted below a path, judged by the kind of its filesystem. Watches nothing."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

MOUNTINFO = Path("/proc/self/mountinfo")

# Changes made by another machine, or by the other side of a virtual one, give no event on these.
REMOTE = frozenset(
    {
        *(
            "nfs",
            "nfs4",
            "cifs",
            "smb3",
            "smbfs",
            "ncpfs",
            "afs",
            "ceph",
            "glusterfs",
            "lustre",
            "gpfs",
            "beegfs",
        ),
        *(
            "9p",
            "drvfs",
            "v9fs",
            "virtiofs",
            "vboxsf",
            "prl_fs",
            "vmhgfs",
            "hgfs",
            "fakeowner",
            "osxfs",
            "grpcfuse",
        ),
    }
)
# What FUSE filesystems have behind them is unknown, except for this one: a local NTFS or exFAT disk.
LOCAL_FUSE = "fuseblk"


def needs_polling(path: Path) -> bool:
    """Whether events may not arrive for what changes below `path`."""
    try:
        table = MOUNTINFO.read_text("utf-8", "surrogateescape")
    except OSError:  # not Linux: FSEvents and kqueue see local changes
        return False
    return is_remote(filesystem_of(str(path.resolve()), table))


def filesystem_of(path: str, mountinfo: str) -> str:
    """The kind of the filesystem that holds the absolute `path`, by the text of mountinfo; empty if none does."""
    found, depth = "", -1
    for line in mountinfo.splitlines():
        mount, separator, source = line.partition(" - ")
        fields = mount.split(" ")
        if not separator or len(fields) < 5 or not source:
            continue
        point = _unescape(fields[4])
        inside = PurePosixPath(path).is_relative_to(point)
        # The deepest mount wins; of two on one point the later one lies on top.
        if inside and len(PurePosixPath(point).parts) >= depth:
            found, depth = source.split(" ")[0], len(PurePosixPath(point).parts)
    return found


def is_remote(kind: str) -> bool:
    """Whether a filesystem of this kind may change without an event."""
    if kind.startswith("fuse") and kind != LOCAL_FUSE:
        return True
    return kind in REMOTE


def _unescape(text: str) -> str:
    """The kernel writes spaces, tabs, newlines and backslashes as three octal digits."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), text)
