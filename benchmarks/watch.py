"""Seconds from saving captions.toml to lint's answer in `ltxbuild watch lint`, with N generated clips.

    python benchmarks/watch.py [--clips 40] [--saves 20]

Each save replaces the file atomically, as most editors do, and is timed until the answer stands on the pipe. Two kinds
are measured: a caption of one clip, and the trigger in lora.toml, which concerns every clip. On a busy machine the
seconds grow with its load, which is printed; the CPU seconds of watch and workers until it is idle again do not.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import av
import numpy as np

SYLLABLES = ("ba", "do", "fi", "gu", "ka", "lo", "mi", "nu", "pa", "ro", "si", "tu")


def make_clip(path: Path, seed: int) -> None:
    """One second of noise that drifts."""
    picture = np.random.default_rng(seed).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=24)
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        for shift in range(24):
            out.mux(stream.encode(av.VideoFrame.from_ndarray(np.roll(picture, shift, 0), format="rgb24")))
        out.mux(stream.encode())


def make_project(folder: Path, clips: int) -> None:
    """A folder on the tiny base."""
    (folder / "clips").mkdir(parents=True)
    for number in range(clips):
        make_clip(folder / "clips" / f"c{number:04d}.mp4", number)
    save(folder / "lora.toml", settings("mira_char"))
    save(folder / "captions.toml", captions(clips, -1))


def settings(trigger: str) -> str:
    """lora.toml with a trigger."""
    return f'name = "m"\ntrigger = "{trigger}"\nclass = "shape"\ntype = "character"\nbase = "tiny"\n'


def captions(clips: int, version: int) -> str:
    """captions.toml in which the first caption differs from version to version."""
    lines = [f'c{n:04d} = "mira_char, a shape {" ".join(words(n))}"' for n in range(clips)]
    lines[0] = f'c0000 = "mira_char, a shape of version {version}"'
    return "\n".join(lines) + "\n"


def words(number: int) -> list[str]:
    """Eight made-up words that differ from clip to clip, so that lint finds no two captions alike."""
    chosen = random.Random(number)
    return ["".join(chosen.choice(SYLLABLES) for _ in range(3)) for _ in range(8)]


def save(path: Path, text: str) -> None:
    """Write a temporary file, then rename."""
    temporary = path.with_name(path.name + ".new")
    temporary.write_text(text)
    os.replace(temporary, path)


class Watch:
    """A running `ltxbuild watch lint --json`."""

    def __init__(self, folder: Path) -> None:
        command = [sys.executable, "-m", "ltxbuild", "watch", "lint", "--json", "-C", str(folder)]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, text=True
        )

    def until(self, event: str) -> float:
        """Read up to an event and return the moment at which it came."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if json.loads(line)["event"] == event:
                return time.monotonic()
        raise SystemExit(f"the watch ended before {event!r}")

    def cpu(self) -> float:
        """CPU seconds so far, of the watch and its workers. Linux."""
        pid = self.process.pid
        workers = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return sum(cpu_of(one) for one in (str(pid), *workers))

    def timed(self, path: Path, text: str) -> float:
        """Seconds from a save to lint's answer; returns once the watch is idle again."""
        started = time.monotonic()
        save(path, text)
        taken = self.until("linted") - started
        self.until("watching")
        return taken


def cpu_of(pid: str) -> float:
    """User and system time of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(folder: Path, clips: int, saves: int) -> Iterator[tuple[str, list[float], float]]:
    """The seconds of each save and the mean CPU seconds, by kind."""
    watch = Watch(folder)
    try:
        watch.until("watching")
        before = watch.cpu()
        one = [watch.timed(folder / "captions.toml", captions(clips, n)) for n in range(saves)]
        yield "a caption", one, (watch.cpu() - before) / len(one)
        before, texts = watch.cpu(), [settings(f"mira{n}_char") for n in range(max(3, saves // 4))]
        every = [watch.timed(folder / "lora.toml", text) for text in texts]
        yield "the trigger", every, (watch.cpu() - before) / len(every)
    finally:
        watch.process.terminate()
        watch.process.wait()


def main() -> None:
    """Print a line for each kind of save."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=40)
    parser.add_argument("--saves", type=int, default=20)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "project"
        make_project(folder, args.clips)
        for kind, seconds, cpu in measure(folder, args.clips, args.saves):
            spread = f"{min(seconds):.3f} to {max(seconds):.3f} s"
            first = f"first {seconds[0]:.3f} s"
            print(f"{kind}: median {median(seconds):.3f} s of {len(seconds)} saves ({spread}, {first})")
            print(
                f"  CPU {cpu:.3f} s a save; load of the machine {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
            )


if __name__ == "__main__":
    main()
