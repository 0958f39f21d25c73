"""What became of one mutation. Knows neither clips nor TOML."""

from __future__ import annotations

from dataclasses import dataclass

SLOW = 10.0
"""Seconds of a processor after which a clip of a second, or a file of a page, counts as a hang."""
LARGE = 1 << 30
"""Bytes of memory that such a clip may make a process hold."""
# A mutation may also make a file that holds thousands of frames, or frames as large as a decoder may allocate: film of
# 8192x4096 takes 2.5 GB from decoder to encoder, which is what the worker's limit of 4 GiB is for.
SECONDS_A_FRAME, SECONDS_A_MEGAPIXEL, BYTES_A_PIXEL = 0.005, 0.02, 80

VERDICTS = {
    "ok": "used as it is: what broke did not matter, or a rule says what is wrong",
    "refused": "refused with an error in words",
    "stopped": "ended by the product's own limits of time or memory, or the decoder crashed; said in words",
    "TRACEBACK": "an exception that nobody explained",
    "HANG": "over 10 s of work (5 ms a frame and 20 ms a megapixel more for what it really holds) and not stopped",
    "MEMORY": "over 1 GiB of memory, and over 80 bytes a pixel of a frame",
}
BAD = ("TRACEBACK", "HANG", "MEMORY")


@dataclass(frozen=True)
class Outcome:
    """A verdict, the words that the user would read, and what it took: processor seconds and peak bytes."""

    verdict: str
    words: str
    seconds: float
    memory: int


@dataclass(frozen=True)
class Work:
    """What a file really holds: frames that could be decoded, and the pixels of one."""

    frames: int = 0
    pixels: int = 0

    @property
    def seconds(self) -> float:
        """What it may take."""
        return SLOW + self.frames * (SECONDS_A_FRAME + SECONDS_A_MEGAPIXEL * self.pixels / 1e6)

    @property
    def memory(self) -> int:
        """What it may hold."""
        return max(LARGE, BYTES_A_PIXEL * self.pixels)


def judged(verdict: str, words: str, seconds: float, memory: int, work: Work) -> Outcome:
    """The outcome, worse if it took too much. What was stopped in time has not hung."""
    if verdict != "TRACEBACK":
        verdict = "HANG" if seconds > work.seconds and verdict != "stopped" else verdict
        verdict = "MEMORY" if memory > work.memory else verdict
    return Outcome(verdict, words, round(seconds, 3), memory)
