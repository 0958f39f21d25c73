"""Worker processes on this machine: a pool for light and media work, one process that keeps its models open."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from ltxbuild.engine.task import OnProgress, Result, Task

# What a decoder of a stranger's file may allocate, libraries included. 8K frames in several copies fit.
MEDIA_MEMORY = 4 << 30
# A reply is one line; progress and messages are small.
REPLY_LIMIT = 1 << 20
# Between the end of its replies and the end of a process lies hardly anything.
EXIT_SECONDS = 2.0


class _Process:
    """One worker process and its pipes."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.process: asyncio.subprocess.Process | None = None
        self.replies: asyncio.StreamReader | None = None
        self._pipe: asyncio.ReadTransport | None = None

    async def start(self, stages: str) -> None:
        """Launch it; replies come through a pipe of their own, which prints of libraries cannot disturb."""
        read, write = os.pipe()
        command = [
            sys.executable,
            "-m",
            "ltxbuild.executors.worker",
            "--stages",
            stages,
            "--replies",
            str(write),
        ]
        if self.kind == "media":
            command += ["--memory", str(MEDIA_MEMORY)]
        self.replies = asyncio.StreamReader(limit=REPLY_LIMIT)
        protocol = asyncio.StreamReaderProtocol(self.replies)
        self._pipe, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: protocol, os.fdopen(read, "rb", buffering=0)
        )
        try:
            self.process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.DEVNULL,
                pass_fds=(write,),
                start_new_session=True,  # Ctrl-C on the terminal is the build's to handle
                # Threads that wait must sleep: spinning ones made a step 40 times slower beside another busy process.
                env={"OMP_WAIT_POLICY": "passive", **os.environ},
            )
        finally:
            os.close(write)

    @property
    def alive(self) -> bool:
        """Whether it can take a job."""
        return self.process is not None and self.process.returncode is None

    def send(self, message: dict[str, Any]) -> None:
        """Give it a line."""
        if self.process is not None and self.process.stdin is not None and self.alive:
            self.process.stdin.write(json.dumps(message).encode() + b"\n")

    def kill(self) -> None:
        """End it at once."""
        if self.process is not None and self.alive:
            # Not `process.kill()`: that asks first whether it has ended, and takes its exit status from whom it is for.
            with suppress(ProcessLookupError):
                os.kill(self.process.pid, signal.SIGKILL)

    async def end(self, patience: float = 0.0) -> int:
        """Let it end by itself for so many seconds, then kill it; how it ended."""
        if self.process is not None and patience:
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self.process.wait(), patience)
        self.kill()
        code = await self.process.wait() if self.process is not None else 0
        if self._pipe is not None:
            self._pipe.close()
        return code


class LocalExecutor:
    """Runs tasks in worker processes, started when they are first needed and kept."""

    def __init__(self, jobs: int, stages: str = "ltxbuild.stages") -> None:
        self.slots: Mapping[str, int] = {"light": jobs, "media": jobs, "model": 1}
        self._stages = stages
        self._idle: dict[str, list[_Process]] = {kind: [] for kind in self.slots}
        self._busy: set[_Process] = set()
        self._running = 0
        self._interrupted = self._killed = False

    async def run(self, task: Task, on_progress: OnProgress) -> Result:
        """Execute one task in a worker of its kind."""
        self._running += 1
        try:
            return await self._execute(task, on_progress)
        finally:
            self._running -= 1
            # An interrupt concerns what runs: once that has ended, a later build may use the workers again.
            self._interrupted = self._interrupted and self._running > 0
            self._killed = self._killed and self._running > 0

    async def _execute(self, task: Task, on_progress: OnProgress) -> Result:
        worker = await self._take(task.worker)
        if self._killed:  # while it was being started
            await worker.end()
            return Result("interrupted")
        self._busy.add(worker)
        message = {
            "kind": "job",
            "stage": task.stage,
            "params": dict(task.params),
            "context": dict(task.context),
            "inputs": task.inputs,
            "out": str(task.out),
            "partial": str(task.partial),
            "log": str(task.log),
        }
        worker.send(message)
        if self._interrupted:
            worker.send({"kind": "interrupt"})
        try:
            result = await asyncio.wait_for(self._listen(worker, on_progress), task.timeout)
        except asyncio.TimeoutError:
            await worker.end()
            result = Result("failed", f"stopped after {task.timeout:.0f} s: the limit for this file")
        except asyncio.CancelledError:
            worker.kill()  # the build has failed as a whole; `close` waits for it
            raise
        finally:
            self._busy.discard(worker)
            self._idle[task.worker].append(worker)
        return result

    async def warm(self, kind: str) -> None:
        """Start a worker of this kind ahead of its first task, for somebody who will wait for the answer."""
        if not self._idle[kind]:
            worker = _Process(kind)
            await worker.start(self._stages)
            self._idle[kind].append(worker)

    async def _take(self, kind: str) -> _Process:
        while self._idle[kind]:
            worker = self._idle[kind].pop()
            if worker.alive:
                return worker
            await worker.end()
        worker = _Process(kind)
        await worker.start(self._stages)
        return worker

    async def _listen(self, worker: _Process, on_progress: OnProgress) -> Result:
        assert worker.replies is not None
        while line := await worker.replies.readline():
            reply = json.loads(line)
            if reply["kind"] == "progress":
                on_progress(reply["done"], reply["total"], reply["unit"], reply["figures"])
                continue
            return Result(reply["kind"], reply.get("message", ""), reply.get("bug", False))
        code = await worker.end(patience=EXIT_SECONDS)
        if self._interrupted:
            return Result("interrupted")
        ended = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
        hint = "; the machine may be out of memory" if code == -signal.SIGKILL else ""
        return Result("failed", f"its worker process {ended}{hint}")

    def interrupt(self) -> None:
        """Ask all running tasks to keep their partial work; a worker without such work goes on to its end."""
        self._interrupted = self._running > 0
        for worker in self._busy:
            worker.send({"kind": "interrupt"})

    def kill(self) -> None:
        """End all running tasks at once."""
        self._interrupted = self._killed = self._running > 0
        for worker in self._busy:
            worker.kill()

    async def close(self) -> None:
        """End all workers."""
        for workers in self._idle.values():
            for worker in workers:
                await worker.end()
            workers.clear()
