"""`ltxbuild init` takes its words and options in any order."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path

import pytest

from ltxbuild.cli import main

PARTS = (("style",), ("DIR",), ("--trigger", "zorbq_style"), ("--class", "film"))
# TYPE is the first word and DIR the second, whatever stands between.
ORDERS = [order for order in permutations(PARTS) if order.index(("style",)) < order.index(("DIR",))]


@pytest.mark.parametrize("order", ORDERS, ids=lambda order: "-".join(part[0] for part in order))
def test_words_and_options_in_any_order(order: tuple[tuple[str, ...], ...], tmp_path: Path) -> None:
    words = [str(tmp_path / "p") if word == "DIR" else word for part in order for word in part]
    assert main(["init", *words]) == 0
    assert 'trigger = "zorbq_style"' in (tmp_path / "p" / "lora.toml").read_text()


@pytest.mark.parametrize("words", ["character DIR --demo", "character --demo DIR", "--demo character DIR"])
def test_the_demo_in_any_order(words: str, tmp_path: Path) -> None:
    assert main(["init", *words.replace("DIR", str(tmp_path / "p")).split()]) == 0
    assert list((tmp_path / "p" / "clips").iterdir())


def test_an_option_that_does_not_exist_is_still_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["init", "style", "--nothing", str(tmp_path / "p")])
    assert "unrecognized arguments: --nothing" in capsys.readouterr().err
    assert not (tmp_path / "p").exists()
