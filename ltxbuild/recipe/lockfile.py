"""The text of ltxbuild.lock: what was built from what. No times, no absolute paths; one sorted line a clip."""

from __future__ import annotations

from collections.abc import Mapping

from ltxbuild.engine.digest import of_bytes, of_json
from ltxbuild.job import Json
from ltxbuild.project.project import Project

HEADER = "# ltxbuild.lock, written by ltxbuild; commit it. What was built from what.\nversion 1\n"


def render_lock(
    project: Project, clips: Mapping[str, str], base: Mapping[str, str], outputs: Mapping[str, str]
) -> str:
    """`clips` maps a clip's path to its digest, `base` a component to its digest, `outputs` a name to its digest."""
    lines = [f"base {project.base.spec if project.base.repository else project.base.card.name}"]
    if project.base.revision:
        lines.append(f"revision {project.base.revision}")
    lines += [f"component {name} {digest}" for name, digest in sorted(base.items())]
    lines += sorted(
        f"clip {clips[clip.path]} caption {of_bytes((clip.caption or '').encode())} {clip.path}"
        for clip in project.clips
        if clip.path in clips
    )
    for mode in ("fast", "quality")[: 2 if project.settings.get("train.mode") == "quality" else 1]:
        values: dict[str, Json] = dict(vars(project.settings.mode(mode)))
        lines.append(f"settings {mode} {of_json(values)}")
    lines += [f"output {name} {digest}" for name, digest in sorted(outputs.items())]
    return HEADER + "\n".join(lines) + "\n"
