"""One clip through every stage that reads it, in the product's worker processes under the product's limits."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from ltxbuild.engine.task import Result, Task
from ltxbuild.executors.local import LocalExecutor
from ltxbuild.recipe.clips import DECODE_BASE, DECODE_FACTOR, DECODE_MOST, PREVIEW_SIDES, PROBE_SECONDS
from tools.fuzz.outcome import Outcome, Work, judged

GIVE_UP = 60.0
"""Seconds after which a stage whose own limit is longer is ended: it has hung."""
WORN = 256 << 20
"""Bytes of peak memory after which a worker is replaced."""
CUT: dict[str, Any] = {"start": None, "end": None}
LADDER = {
    "shapes": [[64, 64], [96, 64], [64, 96]],
    "frames": [1, 9],
    "budget": 120,
    "grid": 32,
    "spatial": 16,
}
LINT = {
    "clip": "clip",
    "trigger": "mira_char",
    "class": "woman",
    "type": "character",
    "caption": "mira_char walks.",
}
TICK = os.sysconf("SC_CLK_TCK")


class Clips:
    """A worker process of the product's pool, and a folder for what it makes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.executor = LocalExecutor(1)
        self.made = 0
        self._work = Work()
        folder.mkdir(parents=True, exist_ok=True)

    async def judge(self, clip: Path) -> Outcome:
        """Probe, scan, lint; transcode, preview and bucket if the clip is readable."""
        self._work = Work()
        before = self._usage()
        reset_peak(self.worker)
        verdict, words = await self._stages(clip)
        after = self._usage()
        same = before[0] == after[0]
        seconds = after[1] - before[1] if same else after[1]
        if after[2] > WORN:
            await self.executor.close()  # memory that it keeps for later would count against the next clip
        return judged(verdict, words, seconds, after[2], self._work)

    async def close(self) -> None:
        """End the worker."""
        await self.executor.close()

    async def _stages(self, clip: Path) -> tuple[str, str]:
        source: dict[str, Any] = {"file": str(clip), "digest": "0" * 32}
        done, probe = await self._run("probe", {}, {"clip": source}, PROBE_SECONDS)
        if done.kind != "done":
            return _failure(done)
        facts = json.loads((probe / "probe.json").read_bytes())
        self._work = Work(0, facts["width"] * facts["height"])
        limit = min(DECODE_MOST, DECODE_BASE + DECODE_FACTOR * float(facts["duration"] or 0))
        seen = {"clip": source, "probe": _file(probe / "probe.json")}
        done, scan = await self._run("scan", CUT, seen, limit)
        if done.kind != "done":
            return _failure(done)
        counted = json.loads((scan / "scan.json").read_bytes())["source_frames"]
        self._work = Work(counted, self._work.pixels)
        looked = {
            "probe": seen["probe"],
            "scan": _file(scan / "scan.json"),
            "moments": _file(scan / "moments.json"),
        }
        done, _ = await self._run("lint_clip", {**LINT, "ladder": {**LADDER, "temporal": 4}}, looked, GIVE_UP)
        readable = json.loads((scan / "readable.json").read_bytes())
        if done.kind != "done" or not readable["ok"]:
            return _failure(done) if done.kind != "done" else ("refused", readable["why"])
        done, video = await self._run("transcode", {**CUT, "fps": 24.0, "audio": True}, seen, limit)
        if done.kind != "done":
            return _failure(done)
        film = {"video": _file(video / "video.mp4")}
        done, _ = await self._run("preview", dict(PREVIEW_SIDES), film, limit)
        if done.kind == "done":
            fitting = {"facts": _file(video / "facts.json")}
            done, _ = await self._run("bucket", {**LADDER, "temporal": 4}, fitting, GIVE_UP)
        return _failure(done) if done.kind != "done" else ("ok", "")

    async def _run(
        self, stage: str, params: dict[str, Any], inputs: dict[str, Any], limit: float
    ) -> tuple[Result, Path]:
        self.made += 1
        out = self.folder / f"{self.made:06d}"
        out.mkdir()
        task = Task(
            action=stage, fingerprint="", stage=stage, worker="media", params=params, context={},
            inputs={"group": inputs}, out=out, partial=out / "partial", log=self.folder / "log",
            timeout=min(limit, GIVE_UP),
        )  # fmt: skip
        result = await self.executor.run(task, lambda *_: None)
        if result.message.startswith("stopped after") and limit > GIVE_UP:
            result = Result(
                "failed", f"{stage} still ran after {GIVE_UP:.0f} s; its limit is {limit:.0f} s", True
            )
        return result, out

    @property
    def worker(self) -> int:
        """The process number of the worker; 0 before the first job."""
        idle = self.executor._idle["media"]
        return idle[-1].process.pid if idle and idle[-1].alive and idle[-1].process else 0

    def _usage(self) -> tuple[int, float, int]:
        """The worker, its processor seconds and its peak memory; zeros for one that is gone."""
        pid = self.worker
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            status = Path(f"/proc/{pid}/status").read_text()
        except FileNotFoundError:
            return 0, 0.0, 0
        peak = next((line for line in status.splitlines() if line.startswith("VmHWM")), "VmHWM: 0 kB")
        return pid, (int(fields[11]) + int(fields[12])) / TICK, int(peak.split()[1]) * 1024


def reset_peak(pid: int) -> None:
    """Let the kernel count the peak memory of a process anew."""
    if pid:
        Path(f"/proc/{pid}/clear_refs").write_text("5")


def _file(path: Path) -> dict[str, str]:
    return {"file": str(path), "digest": "0" * 32}


def _failure(result: Result) -> tuple[str, str]:
    words = result.message
    if "still ran after" in words:
        return "HANG", words
    if result.bug:
        return "TRACEBACK", words
    ended = words.startswith(("stopped after", "its worker process", "it needs more memory"))
    return ("stopped" if ended else "refused"), words
