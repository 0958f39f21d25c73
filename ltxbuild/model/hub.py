"""Finds a repository of the Hub in its cache or fetches it there. Loads no torch and opens no model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from ltxbuild.problem import Problem, ProjectError

# What a build reads; the audio half is not trained in this release.
PARTS = ("transformer", "vae", "connectors", "text_encoder", "tokenizer", "scheduler")
PATTERNS = ["model_index.json", *(f"{part}/*" for part in PARTS)]
# A repository that is one model, such as the text encoder's own: its files lie at the top.
FLAT = ["*.json", "*.model", "*.safetensors"]


def cached(repository: str, revision: str, flat: bool = False) -> Path | None:
    """The folder in the Hub's cache if it is there; asks nobody. `flat`: one model, no pipeline."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        found = snapshot_download(
            repository, revision=revision, allow_patterns=FLAT if flat else PATTERNS, local_files_only=True
        )
    except LocalEntryNotFoundError:
        return None
    folder = Path(found)
    if flat:
        return folder if _whole(folder) and any(folder.glob("*.safetensors")) else None
    return folder if all(_whole(folder / part) for part in PARTS) else None


def _whole(part: Path) -> bool:
    """Whether a component is there with all its shards: a fetch that was cut off leaves a folder with some."""
    if not part.is_dir():
        return False
    shards: dict[str, int] = {}
    for file in part.glob("*-of-*.safetensors"):
        family = file.stem.split("-of-")
        shards[family[1]] = shards.get(family[1], 0) + 1
    return all(number == int(total) for total, number in shards.items()) and any(part.iterdir())


def fetch(
    repository: str, revision: str, licence: str, gated: Iterable[Mapping[str, str]], flat: bool = False
) -> Path:
    """Fetch what is missing and return the folder. `flat`: one model, no pipeline.

    Raises ProjectError that names what is missing and what to do: no network, no rights, no such repository.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        LocalEntryNotFoundError,
        OfflineModeIsEnabled,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    try:
        wanted = FLAT if flat else PATTERNS
        return Path(snapshot_download(repository, revision=revision, allow_patterns=wanted))
    except GatedRepoError:
        what = f"{repository} is gated: its licence has to be accepted first ({licence})"
        raise _refused(
            what, f"accept it on the repository's page, then log in with `hf auth login`{_also(gated)}"
        ) from None
    except RevisionNotFoundError:
        raise _refused(f"{repository} has no revision `{revision}`", "name another base") from None
    except RepositoryNotFoundError:
        what = f"there is no repository {repository}, or it is private and you are not logged in"
        raise _refused(what, "correct base in lora.toml, or log in with `hf auth login`") from None
    except (LocalEntryNotFoundError, OfflineModeIsEnabled):
        raise _refused(*_unreachable(repository, licence)) from None
    except (HfHubHTTPError, ConnectionError, TimeoutError) as error:
        what, hint = _unreachable(repository, licence)
        raise _refused(f"{what}: {type(error).__name__}", hint) from None
    except OSError as error:
        what = f"the base {repository} cannot be written to the Hub's cache: {error.strerror or error}"
        raise _refused(
            what, "make room, or point HF_HOME to another disk; what is there already is kept"
        ) from None


def _unreachable(repository: str, licence: str) -> tuple[str, str]:
    return (
        f"the base {repository} is not on this machine and the Hub cannot be reached (licence: {licence})",
        "connect to the network, or set base in lora.toml to a folder in diffusers layout; "
        "`ltxbuild rehearse` needs no download",
    )


def _also(gated: Iterable[Mapping[str, str]]) -> str:
    names = [
        f"{entry.get('part', '')} in {entry['repository']}: {entry.get('licence', '')}" for entry in gated
    ]
    return f"; also needed: {'; '.join(names)}" if names else ""


def _refused(message: str, hint: str) -> ProjectError:
    return ProjectError([Problem("B203", message, hint=hint)], exit_code=1)
