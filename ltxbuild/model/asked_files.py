"""Finds the files of a model that only answers questions: a folder, or a repository of the Hub, kept or fetched.

Loads no torch.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from ltxbuild.problem import ProjectError, fail

# owner/name, and perhaps @ with a branch, a tag or a commit.
HUB_ID = re.compile(r"([A-Za-z0-9][\w.-]*/[\w.-]+)(?:@([\w./-]+))?")
# Safetensors and data: neither pickles nor code.
PATTERNS = ["*.json", "*.safetensors", "*.txt", "*.model", "*.jinja"]


@dataclass(frozen=True)
class Purpose:
    """What the model is for, in the words of messages, and the architectures that can do it."""

    code: str
    does: str
    families: Collection[str]


def is_folder(spec: str) -> bool:
    """Whether a folder of this machine is named; an existing one comes before a Hub id."""
    return Path(spec).expanduser().is_dir() or spec.startswith((".", "/", "~"))


def find_files(spec: str, purpose: Purpose) -> Path:
    """The folder with config.json and weights; fetched if `spec` is a Hub id that is not in the cache.

    Raises ProjectError with the purpose's code: not there, not reachable, no weights in safetensors, an unknown
    architecture.
    """
    folder = Path(spec).expanduser() if is_folder(spec) else _from_hub(spec, purpose.code)
    kind = model_type(folder)
    if kind not in purpose.families:
        what = f"{spec} is of the kind {kind}" if kind else f"{spec} has no config.json of a model"
        raise fail(purpose.code, what, f"{purpose.does} by {', '.join(purpose.families)}", 1)
    if not any(folder.glob("*.safetensors")):
        what = f"{spec} has no weights in safetensors; other formats can run code and are not read"
        raise fail(purpose.code, what, "take a repository with .safetensors files", 1)
    return folder


def kept_files(spec: str) -> Path | None:
    """The folder if it is on this machine; asks no network."""
    if is_folder(spec):
        folder = Path(spec).expanduser()
        return folder if folder.is_dir() else None
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    named = HUB_ID.fullmatch(spec)
    if named is None:
        return None
    try:
        return Path(
            snapshot_download(named[1], revision=named[2], allow_patterns=PATTERNS, local_files_only=True)
        )
    except LocalEntryNotFoundError:
        return None


def model_type(folder: Path) -> str:
    """What config.json calls the architecture; empty if it says nothing."""
    try:
        return str(json.loads((folder / "config.json").read_bytes()).get("model_type", ""))
    except (OSError, ValueError, AttributeError):
        return ""


def _from_hub(spec: str, code: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        LocalEntryNotFoundError,
        OfflineModeIsEnabled,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    def refused(
        message: str, hint: str = "name a folder that holds the model, or another Hub id"
    ) -> ProjectError:
        return fail(code, message, hint, 1)

    named = HUB_ID.fullmatch(spec)
    if named is None:
        raise refused(f"{spec} is no folder and no Hub id (owner/name)")
    try:
        return Path(snapshot_download(named[1], revision=named[2], allow_patterns=PATTERNS))
    except GatedRepoError:
        raise refused(f"{spec} is gated", "accept its terms on the Hub, then `hf auth login`") from None
    except RevisionNotFoundError:
        raise refused(f"{named[1]} has no revision {named[2]}") from None
    except RepositoryNotFoundError:
        raise refused(f"there is no repository {spec}, or it is private and you are not logged in") from None
    except (LocalEntryNotFoundError, OfflineModeIsEnabled):
        raise refused(f"{spec} is not on this machine and the Hub cannot be reached") from None
    except (HfHubHTTPError, ConnectionError, TimeoutError) as error:
        raise refused(f"{spec} cannot be fetched: {type(error).__name__}", "try again later") from None
    except OSError as error:
        raise refused(f"{spec} cannot be written to the Hub's cache: {error.strerror or error}") from None
