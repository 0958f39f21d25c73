"""What is said about a running build: count, speed, figures, time left, by a clock that the test moves."""

from __future__ import annotations

import pytest

from ltxbuild.console.plain import Tracker, clock, rate
from tests.console.events import Clock

STEP = "train:fast:0050"


@pytest.fixture
def now() -> Clock:
    return Clock()


@pytest.fixture
def tracker(now: Clock) -> Tracker:
    found = Tracker(now)
    found.begin(run=2, maybe=3)
    return found


def test_speed_and_time_left(tracker: Tracker, now: Clock) -> None:
    tracker.start(STEP)
    tracker.progress(STEP, 0, 50, "steps", {})
    now.moves(20)
    tracker.progress(STEP, 10, 50, "steps", {"loss": 0.123456, "rate": 1e-4})
    assert (
        tracker.line() == f"[0/5 0:20] {STEP} 10/50 steps, loss 0.1235, rate 0.0001, 0.5 steps/s, 1:20 left"
    )


def test_a_model_that_loads_is_no_measure_of_speed(tracker: Tracker, now: Clock) -> None:
    tracker.start(STEP)
    assert tracker.running[STEP] == STEP
    now.moves(300)
    tracker.progress(STEP, 1, 51, "steps", {})
    assert tracker.running[STEP] == f"{STEP} 1/51 steps"
    now.moves(10)
    tracker.progress(STEP, 11, 51, "steps", {})
    assert tracker.running[STEP] == f"{STEP} 11/51 steps, 1 steps/s, 0:40 left"


def test_steps_taken_up_from_before_do_not_count_as_speed(tracker: Tracker, now: Clock) -> None:
    tracker.start(STEP)
    now.moves(2)
    tracker.progress(STEP, 40, 50, "steps", {})
    now.moves(4)
    tracker.progress(STEP, 42, 50, "steps", {})
    assert tracker.running[STEP].endswith("42/50 steps, 0.5 steps/s, 0:16 left")


def test_nothing_is_said_of_speed_too_early(tracker: Tracker, now: Clock) -> None:
    tracker.start(STEP)
    tracker.progress(STEP, 0, 50, "steps", {})
    now.moves(0.5)
    tracker.progress(STEP, 30, 50, "steps", {})
    assert tracker.running[STEP] == f"{STEP} 30/50 steps"
    now.moves(60)
    tracker.progress(STEP, 0, 50, "steps", {})
    assert tracker.running[STEP] == f"{STEP} 0/50 steps"


def test_more_done_than_expected_leaves_no_negative_time(tracker: Tracker, now: Clock) -> None:
    tracker.start("scan:a")
    tracker.progress("scan:a", 0, 10, "frames", {})
    now.moves(2)
    tracker.progress("scan:a", 12, 10, "frames", {})
    assert tracker.running["scan:a"] == "scan:a 12/10 frames, 6 frames/s, 0:00 left"


def test_an_action_that_starts_again_is_measured_anew(tracker: Tracker, now: Clock) -> None:
    for _ in range(2):
        tracker.start("scan:a")
        tracker.progress("scan:a", 0, 10, "frames", {})
        now.moves(2)
        tracker.progress("scan:a", 4, 10, "frames", {})
        assert tracker.running["scan:a"].endswith("2 frames/s, 0:03 left")


def test_the_count_is_of_what_ran(tracker: Tracker, now: Clock) -> None:
    assert tracker.line() == "[0/5 0:00] waiting"
    for name in ("a", "b"):
        tracker.start(name)
    assert tracker.line() == "[0/5 0:00] a; b"
    tracker.end("a")
    tracker.end("never started")
    now.moves(75)
    assert tracker.line() == "[1/5 1:15] b"


def test_what_was_told_before_a_build_does_not_count(now: Clock) -> None:
    tracker = Tracker(now)
    tracker.start("base:vae")
    tracker.end("base:vae")
    tracker.begin(4, 0)
    assert tracker.line().startswith("[0/4 ")


def test_time_left_by_past_builds(tracker: Tracker, now: Clock) -> None:
    assert tracker.left() is None
    tracker.foresee({"a": 60.0, "b": 30.0})
    assert tracker.left() == 90
    tracker.start("a")
    now.moves(20)
    assert tracker.line() == "[0/5 0:20, about 1:10 left] a"
    now.moves(1000)
    assert tracker.left() == 30, "what takes longer than before says nothing of the rest"
    tracker.end("a")
    assert tracker.left() == 30
    tracker.end("b")
    assert tracker.left() is None


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0:00"), (7.4, "0:07"), (59.6, "1:00"), (724, "12:04"), (3599.7, "1:00:00"), (3723, "1:02:03")],
)
def test_clock(seconds: float, words: str) -> None:
    assert clock(seconds) == words


@pytest.mark.parametrize(
    ("speed", "words"), [(0.0123, "0.012"), (0.5, "0.5"), (9.87, "9.9"), (12.4, "12"), (250.0, "250")]
)
def test_speed_in_figures_that_are_read(speed: float, words: str) -> None:
    assert rate(speed) == words
