"""The report page: everything is shown, nothing a stranger wrote is executed, nothing is loaded from elsewhere."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from ltxbuild.page.lint import render_lint
from ltxbuild.page.report import Page, render
from tests.page.material import ARMS, CLIP, NASTY, facts

MEDIA = {f"sample:p0.{m}.{t}.{w}": f"film {m} {t} {w}".encode() for m, t, w in ARMS}
FILMS = {*MEDIA.values(), b"film of the clip"}
MEDIA |= {f"clip:{CLIP}": b"film of the clip", f"strip:{CLIP}": b"strip of the clip"}


class Elements(HTMLParser):
    """Every element with its attributes, and the text of scripts and styles."""

    def __init__(self, page: Page) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.inside: dict[str, list[str]] = {"script": [], "style": []}
        self.stack: list[str] = []
        self.feed(page.html.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag in self.inside:
            self.stack.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if self.stack and self.stack[-1] == tag:
            self.stack.pop()

    def handle_data(self, data: str) -> None:
        if self.stack:
            self.inside[self.stack[-1]].append(data)

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.found if name == tag]


@pytest.fixture
def page(tmp_path: Path) -> Page:
    timings = [
        {"stage": "train", "seconds": 61.0, "actions": 4, "outdated": 3},
        {"stage": "text", "seconds": 1.0, "actions": 9, "outdated": 0},
    ]
    history = [{"build": 1, "time": "2026-01-01T00:00:00+00:00", "verdict": "WARN"}]
    return render(facts(tmp_path), MEDIA, timings, history)


def test_the_page_shows_verdict_tests_curves_films_lint_settings_and_times(page: Page) -> None:
    text = page.html.decode()
    for words in ("Four tests", "Held-out against training loss", "Held-out loss over the weight", "Samples"):
        assert words in text
    for words in ("Lint", "CAP603", "train.rank", "1 min 01 s", "max difference", "Builds before this one"):
        assert words in text
    assert text.count(" outdated: made by an older version") == 1 and "4, 3 outdated" in text
    assert text.count('<svg class="chart"') + text.count("<svg") >= 4 + 2
    films = [film for film in Elements(page).of("video") if film.get("src")]
    sources = {base64.b64decode(str(film["src"]).split(",", 1)[1]) for film in films}
    assert sources == FILMS, "every film is inside the page"
    assert len(films) == len(FILMS), "and once"
    (strip,) = Elements(page).of("image")
    assert str(strip["href"]).startswith("data:image/jpeg;base64,")
    assert "cut off: 25.0 % right" in text and "dropped: 1.00 s before `start`" in text
    assert page.files == {}


def test_what_a_stranger_wrote_is_text(page: Page) -> None:
    elements = Elements(page)
    assert len(elements.of("script")) == 1
    assert NASTY not in page.html.decode()
    assert "&lt;script&gt;" in page.html.decode()
    assert not [attrs for _, attrs in elements.found if any(name.startswith("on") for name in attrs)]


def test_the_policy_allows_nothing_but_the_pages_own_style_and_script(page: Page) -> None:
    elements = Elements(page)
    policy = next(
        m["content"] for m in elements.of("meta") if m.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy is not None and policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    for tag in ("script", "style"):
        digest = hashlib.sha256("".join(elements.inside[tag]).encode()).digest()
        assert f"{tag}-src 'sha256-{base64.b64encode(digest).decode()}'" in policy
    assert not [attrs for _, attrs in elements.found if "style" in attrs], "the policy would drop them"


def test_nothing_is_loaded_from_elsewhere(page: Page) -> None:
    addresses = [
        str(attrs[name]) for _, attrs in Elements(page).found for name in ("src", "href") if name in attrs
    ]
    assert addresses
    assert all(address.startswith(("data:", "#")) for address in addresses)
    assert not re.search(r"@import|url\(", page.html.decode())


def test_many_films_lie_beside_the_page(tmp_path: Path) -> None:
    page = render(facts(tmp_path), MEDIA, limit=10)
    sources = {str(film["src"]) for film in Elements(page).of("video") if film.get("src")}
    assert sources == {name for name in page.files if name.endswith(".mp4")}
    assert set(page.files.values()) == set(MEDIA.values())
    assert all(re.fullmatch(r"report_files/[0-9a-f]{16}\.(mp4|jpg)", name) for name in page.files)


def test_a_rehearsal_gives_no_verdict_about_the_concept(tmp_path: Path) -> None:
    text = render(facts(tmp_path, rehearsal=True), MEDIA).html.decode()
    assert "REHEARSAL" in text and 'aria-label="Verdict"' not in text


def test_a_report_with_almost_nothing_renders() -> None:
    assert b"Not evaluated yet" in render({"schema": 1}, {}).html


def test_the_lint_sheet_shows_the_worst_clip_first_and_escapes() -> None:
    def finding(severity: str, key: str | None, file: str = "captions.toml") -> dict[str, Any]:
        where = {"file": file, "key": key}
        return {"code": "CAP601", "name": "missing", "severity": severity, "message": NASTY, "where": where}

    found = [finding("W", "fair"), finding("E", CLIP), finding("I", None, "lora.toml")]
    fits = {key: {"fit": None, "bucket": None} for key in ("fine", "fair", CLIP)}
    page = render_lint(
        found, {"fine": "x", "fair": NASTY, CLIP: None}, {f"strip:{CLIP}": b"jpg"}, "mira", fits
    )
    text = page.html.decode()
    assert NASTY not in text
    assert text.index("a&lt;b&gt;") < text.index(">fair<") < text.index(">fine<")
    assert "1 error, 1 warning, 1 note on 3 clips" in text
    assert len(Elements(page).of("img")) == 1


def test_a_loss_on_clips_that_train_is_not_called_held_out(tmp_path: Path) -> None:
    report = facts(tmp_path)
    assert "Held-out against training loss" in render(report, MEDIA, [], []).html.decode()
    report["curve"] |= {"optimistic": True, "clips": 2}
    page = render(report, MEDIA, [], []).html.decode()
    assert "Held-out against training loss" not in page and "Measured on 2 clips that also train" in page


def test_a_run_that_stopped_says_where_and_why(tmp_path: Path) -> None:
    report = facts(tmp_path)
    report["curve"] |= {"stopped": {"at": 900, "end": 1200, "verdict": "PLATEAU", "why": NASTY}}
    page = render(report, MEDIA, [], []).html.decode()
    assert "Training stopped after step 900, 300 steps before its decay" in page and NASTY not in page
