"""Which picture the lint page shows beside a finding."""

from __future__ import annotations

import re
from typing import Any

from ltxbuild.page.evidence import picture_of
from ltxbuild.page.lint import render_lint
from ltxbuild.page.media import Media

FIT = {"width": 200, "height": 100, "pictures": 6}
MOMENTS = {
    "size": [160, 80],
    "shown": [{"time": 0.5, "pictures": 2}, {"time": 1.25, "pictures": 3}, {"time": 2.0, "pictures": 1}],
}
CLIPS: dict[str, dict[str, Any]] = {"a": {"fit": FIT, "moments": MOMENTS}, "b": {"fit": FIT, "moments": None}}
CONTENT = {"strip:a": b"strip a", "moments:a": b"moments a", "strip:b": b"strip b"}


def finding(time: float | None = None, key: str | None = "a", **evidence: Any) -> dict[str, Any]:
    where = {"file": f"clips/{key}.mp4", "key": key, "time": time}
    return {
        "code": "PIX101",
        "name": "x",
        "severity": "E",
        "message": "m",
        "where": where,
        "evidence": evidence,
    }


def view(html: str) -> list[float]:
    found = re.search(r'viewBox="([^"]+)"', html)
    assert found is not None
    return [float(number) for number in found[1].split()]


def test_a_moment_is_cut_out_of_all_of_them() -> None:
    html = picture_of(finding(1.25), "a", CLIPS, Media(CONTENT))
    assert view(html) == [320, 0, 480, 80]
    assert 'width="960" height="80"' in html  # the whole row


def test_a_moment_that_nobody_kept_shows_nothing() -> None:
    for one, clip in ((finding(1.3), "a"), (finding(0.5, "b"), "b"), (finding(0.5, None), None)):
        assert picture_of(one, clip, CLIPS, Media(CONTENT)) == ""
    assert picture_of(finding(0.5), "a", CLIPS, Media({})) == ""


def test_places_are_drawn_on_the_first_picture() -> None:
    html = picture_of(
        finding(boxes=[[0.0, 0.0, 1.0, 0.1], [0.5, 0.25, 0.25, 0.5]]), "a", CLIPS, Media(CONTENT)
    )
    assert view(html) == [0, 0, 200, 100]
    boxes = re.findall(
        r'<rect class="mark-box" x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="([\d.]+)"', html
    )
    assert [[float(v) for v in box] for box in boxes] == [[0, 0, 200, 10], [100, 25, 50, 50]]


def test_the_other_clip_is_shown_beside_a_pair() -> None:
    html = picture_of(finding(other="b"), "a", CLIPS, Media(CONTENT))
    assert "frames of b" in html
    assert "<figcaption>b</figcaption>" in html


def test_captions_that_are_alike_need_no_picture() -> None:
    one = finding(other="b")
    one["where"]["file"] = "captions.toml"
    assert picture_of(one, "a", CLIPS, Media(CONTENT)) == ""


def test_a_place_is_drawn_on_each_picture_of_its_moment() -> None:
    html = picture_of(finding(1.25, boxes=[[0.5, 0, 0.5, 0.5]]), "a", CLIPS, Media(CONTENT))
    assert re.findall(r'class="mark-box" x="([\d.]+)"', html) == ["400.0", "560.0", "720.0"]
    # Without a moment, on the strip.
    assert view(picture_of(finding(9.0, boxes=[[0.5, 0, 0.5, 0.5]]), "a", CLIPS, Media(CONTENT))) == [
        0,
        0,
        200,
        100,
    ]


def test_a_place_in_the_whole_set_is_shown_in_one_of_its_clips() -> None:
    html = picture_of(finding(key=None, boxes=[[0, 0, 0.1, 0.1]], other="b"), None, CLIPS, Media(CONTENT))
    assert 'aria-label="b"' in html


def test_bytes_stand_in_the_page_once() -> None:
    findings = [finding(0.5), finding(1.25), finding(2.0), finding(boxes=[[0, 0, 0.1, 0.1]])]
    fits = {"a": {**CLIPS["a"], "fit": None, "bucket": None}}
    html = render_lint(findings, {"a": "caption"}, CONTENT, "mira", fits).html.decode()
    assert html.count("data:image/jpeg;base64,bW9tZW50cyBh") == 1
    assert html.count('class="evidence"') == 3  # no fit: nothing says how large the strip's pictures are
    assert html.count("<use href=") == 2
