"""Every code of a problem has a fixture that raises it, and the table of fixtures is complete."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from ltxbuild.commands.mend import mend
from ltxbuild.problem import Problem, ProjectError, render
from ltxbuild.project.card import read_card
from ltxbuild.project.codes import CODES
from ltxbuild.project.identity import machine_file
from ltxbuild.project.project import load
from ltxbuild.project.template import write_template
from ltxbuild.project.toml_file import LARGEST
from tests.project.folder import LORA, make, problems

Found = tuple[Problem, ...]
Fixture = Callable[[Path], Found]


def raised(call: Callable[[], object]) -> Found:
    with pytest.raises(ProjectError) as caught:
        call()
    return caught.value.problems


def lora(text: str) -> Fixture:
    return lambda root: problems(make(root, LORA + text))


def replaced(old: str, new: str) -> Fixture:
    assert old in LORA
    return lambda root: problems(make(root, LORA.replace(old, new)))


def captions(text: str, *clips: str) -> Fixture:
    return lambda root: problems(make(root, captions=text, clips=clips))


def called(*overrides: str) -> Fixture:
    return lambda root: problems(make(root), overrides)


def written(data: bytes) -> Fixture:
    def fixture(root: Path) -> Found:
        (make(root) / "captions.toml").write_bytes(data)
        return problems(root)

    return fixture


def without_captions(root: Path) -> Found:
    (make(root) / "captions.toml").unlink()
    return problems(root)


def template(root: Path, name: str = "mira") -> Found:
    words = {"name": name, "trigger": "mira_char", "class_word": "woman", "base": "tiny"}
    return raised(lambda: write_template("style", root, **words))


def occupied(root: Path) -> Found:
    return template(make(root))


def file_in_the_way(root: Path) -> Found:
    root.mkdir()
    (root / "file").touch()
    return template(root / "file" / "project")


def machine(root: Path) -> Found:
    machine_file().parent.mkdir(parents=True)
    machine_file().write_text("[train]\nrank = 4\n")
    return problems(make(root))


def bad_card(root: Path) -> Found:
    root.mkdir()
    (root / "card.toml").write_text("[geometry]\nspatial = 32\n")
    return raised(lambda: read_card(root / "card.toml"))


def symlink(root: Path) -> Found:
    os.symlink("/nowhere.mp4", make(root) / "clips" / "a.mp4")
    return problems(root)


def folder_in_clips(root: Path) -> Found:
    (make(root) / "clips" / "more").mkdir()
    return problems(root)


def clips_is_a_file(root: Path) -> Found:
    (make(root) / "clips").rmdir()
    (root / "clips").touch()
    return problems(root)


def saved_meanwhile(root: Path) -> Found:
    project = load(make(root, captions='a = "mirachar walks"\n', clips=("a.mp4",)))
    (root / "captions.toml").write_text('a = "mirachar runs"\n')
    return raised(lambda: mend(project, unsafe=False, write=True))


FIXTURES: dict[str, Fixture] = {
    "P100": lambda root: problems(root),
    "P101": without_captions,
    "P102": written(b"# " + b"x" * LARGEST),
    "P103": written(b'a = "\xe4"\n'),
    "P104": captions("a = walks\n"),
    "P105": captions('a = "x"\na = "y"\n'),
    "P106": occupied,
    "P107": file_in_the_way,
    "P108": saved_meanwhile,
    "P201": lora("[train]\nrnk = 16\n"),
    "P202": lora("[train]\nsteps = 'many'\n"),
    "P203": lora("[train]\nrank = 0\n"),
    "P204": replaced('trigger = "mira_char"\n', ""),
    "P205": replaced('name = "mira"', 'name = "../mira"'),
    "P206": replaced("mira_char", "mira char"),
    "P207": replaced('"woman"', '"{woman}"'),
    "P208": lora('[evaluate]\nprompts = ["a woman"]\n'),
    "P209": called("train.rank"),
    "P210": lora("[bucket]\nbudget = 10\n"),
    "P211": replaced('"ltx-2.3"', '"ltx2.3"'),
    "P212": replaced('"ltx-2.3"', '"./models/ltx"'),
    "P213": replaced('"ltx-2.3"', '"ltx-2.3-22b-Q4_K.gguf"'),
    "P214": machine,
    "P216": lora("[bucket]\nshapes = [[770, 512]]\n"),
    "P217": bad_card,
    "P218": captions('a = "x\\u200by"\n'),
    "P219": lora('[train]\ninit_from = "none.safetensors"\n'),
    "P220": captions('a = { caption = "x", crop = "subject" }\n', "a.mp4"),
    "P301": captions("", "a\u202eb.mp4"),
    "P302": captions("", "A.mp4", "a.mp4"),
    "P303": captions('a = "x"\n', "a.mp4", "a.png"),
    "P304": folder_in_clips,
    "P305": captions("", "notes.txt"),
    "P306": symlink,
    "P307": captions("a = { start = 2, end = 1 }\n", "a.mp4"),
    "P308": captions('"../a.mp4" = "x"\n'),
    "P310": clips_is_a_file,
}


def test_every_code_has_a_fixture() -> None:
    assert set(FIXTURES) == set(CODES)


@pytest.mark.parametrize("code", sorted(FIXTURES))
def test_code(code: str, tmp_path: Path) -> None:
    found = FIXTURES[code](tmp_path / "mira")
    assert [p.code for p in found] == [code] * len(found) and found
    for problem in found:
        assert problem.code in render(problem)
        assert problem.hint or problem.span, "a message without a place says what to do"


def test_every_code_is_explained() -> None:
    assert len({c.name for c in CODES.values()}) == len(CODES)
    assert all(len(c.text) > 50 and c.text.endswith(".") for c in CODES.values())
