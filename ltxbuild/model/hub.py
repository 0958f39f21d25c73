"""Finds a repository of the Hub in its cache or fetches it there. Loads no torch and opens no model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ltxbuild.model.family import OF_SOUND
from ltxbuild.problem import Problem, ProjectError

# What a build reads; where sound is trained, OF_SOUND besides.
PARTS = ("transformer", "vae", "connectors", "text_encoder", "tokenizer", "scheduler")
# A repository that is one model, such as the text encoder's own: its files lie at the top.
FLAT = ["*.json", "*.model", "*.safetensors"]


@dataclass(frozen=True)
class Repository:
    """A repository at a revision, with its terms. `gated` are others that it needs; `flat`: one model, no pipeline;
    `sound`: with what sound needs.
    """

    name: str
    revision: str
    licence: str = ""
    gated: tuple[Mapping[str, str], ...] = ()
    flat: bool = False
    sound: bool = False

    @property
    def parts(self) -> tuple[str, ...]:
        """The folders that a build reads."""
        return PARTS + OF_SOUND if self.sound else PARTS

    @property
    def patterns(self) -> list[str]:
        """Which of its files a build reads."""
        return FLAT if self.flat else ["model_index.json", *(f"{part}/*" for part in self.parts)]


def cached(repository: Repository) -> Path | None:
    """The folder in the Hub's cache if it is there; asks nobody."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    name, revision, patterns = repository.name, repository.revision, repository.patterns
    try:
        found = snapshot_download(name, revision=revision, allow_patterns=patterns, local_files_only=True)
    except LocalEntryNotFoundError:
        return None
    folder = Path(found)
    if repository.flat:
        return folder if _whole(folder) and any(folder.glob("*.safetensors")) else None
    return folder if all(_whole(folder / part) for part in repository.parts) else None


def _whole(part: Path) -> bool:
    """Whether a component is there with all its shards: a fetch that was cut off leaves a folder with some."""
    if not part.is_dir():
        return False
    shards: dict[str, int] = {}
    for file in part.glob("*-of-*.safetensors"):
        family = file.stem.split("-of-")
        shards[family[1]] = shards.get(family[1], 0) + 1
    return all(number == int(total) for total, number in shards.items()) and any(part.iterdir())


def missing(repository: Repository) -> dict[str, int]:
    """The files that `fetch` would fetch, and their bytes as the Hub states them. Raises ProjectError as `fetch`."""
    from huggingface_hub import snapshot_download

    name, revision, patterns = repository.name, repository.revision, repository.patterns
    with _explained(repository):
        files = snapshot_download(name, revision=revision, allow_patterns=patterns, dry_run=True)
    return {file.filename: file.file_size or 0 for file in files if file.will_download}


def fetch(repository: Repository) -> Path:
    """Fetch what is missing and return the folder; what a former call had of a file is gone on from.

    Raises ProjectError that names what is missing and what to do: no network, no rights, no such repository.
    """
    from huggingface_hub import snapshot_download

    name, revision, patterns = repository.name, repository.revision, repository.patterns
    with _explained(repository):
        folder = snapshot_download(name, revision=revision, allow_patterns=patterns)
    return Path(folder)


@contextmanager
def _explained(repository: Repository) -> Iterator[None]:
    """Errors of the Hub's library as ones that say what to do."""
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        LocalEntryNotFoundError,
        OfflineModeIsEnabled,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    name, licence = repository.name, repository.licence
    # The library that its client is built on changes from version to version; its errors are the parents of the Hub's.
    of_client: Any = tuple(kind for kind in HfHubHTTPError.__bases__ if kind is not OSError)
    try:
        yield
    except GatedRepoError:
        what = f"{name} is gated: its licence has to be accepted first ({licence})"
        raise _refused(
            what,
            f"accept it on the repository's page, then log in with `hf auth login`{_also(repository.gated)}",
        ) from None
    except RevisionNotFoundError:
        raise _refused(f"{name} has no revision `{repository.revision}`", "name another base") from None
    except RepositoryNotFoundError:
        what = f"there is no repository {name}, or it is private and you are not logged in"
        raise _refused(what, "correct base in lora.toml, or log in with `hf auth login`") from None
    except (LocalEntryNotFoundError, OfflineModeIsEnabled):
        raise _refused(*_unreachable(name, licence)) from None
    except (HfHubHTTPError, *of_client, ConnectionError, TimeoutError) as error:
        what, hint = _unreachable(name, licence)
        raise _refused(f"{what}: {type(error).__name__}", hint) from None
    except OSError as error:
        what = f"the base {name} cannot be written to the Hub's cache: {error.strerror or error}"
        raise _refused(
            what, "make room, or point HF_HOME to another disk; what is there already is kept"
        ) from None


def _unreachable(name: str, licence: str) -> tuple[str, str]:
    return (
        f"the base {name} is not on this machine and the Hub cannot be reached (licence: {licence})",
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
