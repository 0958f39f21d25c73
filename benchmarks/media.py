"""Transcoding: ltxbuild's stage against the ffmpeg command with the same encoder and settings, in one run.

    python benchmarks/media.py [--runs 3] [--source CLIP]

Prints Markdown. A row is a folder of clips, one after the other: ffmpeg is started for each, as a shell's loop would,
ltxbuild's stages run in one process, as a build's worker does; its start and imports count. Both get one thread to
decode and one to encode, as ltxbuild has them (it takes several clips at once instead), x264 with the same settings, 24
frames a second, the sound as AAC. Inputs are made of a real clip, looped and scaled. Needs `ffmpeg` on the PATH.
"""

from __future__ import annotations

import argparse
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))  # the checkout that this file belongs to, installed or not

from benchmarks.measure import Cost, run, typical

SOURCE = Path(__file__).parents[1] / "tests" / "clips" / "bbb_06.mp4"
LIMIT = 600.0
# Name -> what ffmpeg makes it with, from the source looped to ten seconds.
INPUTS: dict[str, list[str]] = {
    "1920x1080, 30 fps, H.264": ["-vf", "scale=1920:1080,fps=30", "-c:v", "libx264", "-crf", "18", "-preset", "veryfast"],
    "1280x720, 60 fps, H.264": ["-vf", "scale=1280:720,fps=60", "-c:v", "libx264", "-crf", "18", "-preset", "veryfast"],
    "1920x1080, 25 fps, HEVC 10 bit": [
        "-vf", "scale=1920:1080,fps=25,format=yuv420p10le", "-c:v", "libx265", "-preset", "ultrafast", "-crf", "20",
        "-x265-params", "log-level=none",
    ],
    "960x540, 24 fps, H.264, which fits": ["-c:v", "libx264", "-crf", "18", "-preset", "veryfast"],
}  # fmt: skip


@dataclass
class Job:
    """The least that a stage needs to run."""

    root: Path
    params: dict[str, Any]
    inputs: dict[str, Any]
    context: dict[str, Any] = field(default_factory=dict)

    @property
    def out(self) -> Path:
        """Where outputs go."""
        self.root.mkdir(parents=True, exist_ok=True)
        return self.root

    @property
    def partial(self) -> Path:
        """Not used by these stages."""
        return self.root / "partial"

    def progress(self, done: float, total: float, unit: str, **figures: float) -> None:
        """Told to nobody."""

    def note(self, text: str) -> None:
        """Told to nobody."""

    def interrupted(self) -> bool:
        """Never."""
        return False


def transcode(source: Path, folder: Path) -> None:
    """Probe and x as a build does."""
    from ltxbuild.job import File
    from ltxbuild.stages import probe, transcode

    clip = File(source, "0" * 32)
    probe.run(Job(folder / "probe", {}, {"clip": clip}))
    inputs = {"clip": clip, "probe": File(folder / "probe" / "probe.json", "0" * 32)}
    transcode.run(Job(folder / "video", {"start": None, "end": None, "fps": 24, "audio": True}, inputs))


def ffmpeg_command(source: Path, target: Path) -> list[str]:
    """What a user would type for the same result."""
    from ltxbuild.stages.media.encode import FIXED
    from ltxbuild.stages.transcode import OPTIONS

    video = [
        "-vf",
        "fps=24",
        "-pix_fmt",
        "yuv420p",
        "-c:v",
        "libx264",
        "-crf",
        OPTIONS["crf"],
        "-preset",
        OPTIONS["preset"],
        "-x264-params",
        FIXED["x264-params"],
    ]
    threads = ["-threads", "1", "-filter_threads", "1"]
    sound = ["-c:a", "aac", "-b:a", "192k", "-ar", "48000"]
    place = ["-movflags", "+faststart", str(target)]
    return [
        "ffmpeg",
        "-v",
        "error",
        "-y",
        "-threads",
        "1",
        "-i",
        str(source),
        *video,
        *threads,
        *sound,
        *place,
    ]


def measured(folder: Path, source: Path, clips: int, runs: int) -> tuple[Cost, Cost]:
    """ltxbuild's and ffmpeg's costs for a folder of `clips`, run by run in turn, so that other work disturbs both
    alike.
    """
    ours: list[Cost] = []
    theirs: list[Cost] = []
    place = folder / "run"
    script = [sys.executable, str(Path(__file__).resolve())]
    loop = " && ".join(shlex.join(ffmpeg_command(source, place / f"{n}.mp4")) for n in range(clips))
    commands = [*script, "--stages", str(source), str(place), str(clips)], ["sh", "-c", loop]
    for _ in range(runs):
        for costs, command in zip((ours, theirs), commands, strict=True):
            shutil.rmtree(place, ignore_errors=True)
            place.mkdir()
            costs.append(run(command, place, LIMIT))
    return typical(ours), typical(theirs)


def row(name: str, ours: Cost, theirs: Cost, show: Callable[[float], str] = "{:.2f}".format) -> str:
    """A line of the table; above 1 ltxbuild is faster."""
    memory = [f"{cost.memory:.0f}" if cost.memory else "below the benchmark's" for cost in (ours, theirs)]
    figures = [
        show(ours.cpu),
        show(theirs.cpu),
        show(theirs.cpu / ours.cpu),
        show(theirs.wall / ours.wall),
        *memory,
    ]
    return f"| {name} | " + " | ".join(figures) + " |"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=4, help="length of a clip")
    parser.add_argument("--clips", type=int, default=8, help="clips of a folder")
    parser.add_argument("--source", type=Path, default=SOURCE)
    parser.add_argument("--stages", nargs=3, metavar=("CLIP", "FOLDER", "TIMES"), help="only run the stages")
    args = parser.parse_args()
    if args.stages:
        clip, place, times = args.stages
        for number in range(int(times)):
            transcode(Path(clip), Path(place) / str(number))
        return
    if shutil.which("ffmpeg") is None:
        raise SystemExit("ffmpeg is not on the PATH")
    print(
        "| input | ltxbuild, CPU s | ffmpeg, CPU s | ffmpeg / ltxbuild, CPU | wall | ltxbuild, MiB | ffmpeg, MiB |"
    )
    print("|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory(prefix="ltxbuild-benchmark-") as name:
        folder = Path(name)
        for number, (title, options) in enumerate(INPUTS.items()):
            source = folder / f"{number}.mp4"
            loop = [
                "ffmpeg",
                "-v",
                "error",
                "-y",
                "-stream_loop",
                "-1",
                "-t",
                str(args.seconds),
                "-i",
                str(args.source),
            ]
            subprocess.run([*loop, *options, "-c:a", "aac", str(source)], check=True)
            print(row(title, *measured(folder, source, args.clips, args.runs)), flush=True)


if __name__ == "__main__":
    main()
