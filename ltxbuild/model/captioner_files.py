"""Finds the files of a captioner: a folder, or a repository of the Hub in its cache or fetched. Loads no torch."""

from __future__ import annotations

import json
import re
from pathlib import Path

from ltxbuild.model.captioner_families import FAMILIES
from ltxbuild.problem import ProjectError, fail

HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")
# Safetensors and data: neither pickles nor code.
PATTERNS = ["*.json", "*.safetensors", "*.txt", "*.model", "*.jinja"]


def is_folder(spec: str) -> bool:
    """Whether `--model` names a folder of this machine; an existing one comes before a Hub id."""
    return Path(spec).expanduser().is_dir() or spec.startswith((".", "/", "~"))


def find_captioner(spec: str) -> Path:
    """The folder with config.json and weights; fetched if `spec` is a Hub id that is not in the cache.

    Raises ProjectError B170: not there, not reachable, no weights in safetensors, an unknown architecture.
    """
    folder = Path(spec).expanduser() if is_folder(spec) else _from_hub(spec)
    kind = model_type(folder)
    if kind not in FAMILIES:
        what = f"{spec} is of the kind {kind}" if kind else f"{spec} has no config.json of a model"
        raise fail("B170", what, f"captions are drafted by {', '.join(FAMILIES)}", 1)
    if not any(folder.glob("*.safetensors")):
        what = f"{spec} has no weights in safetensors; other formats can run code and are not read"
        raise fail("B170", what, "take a repository with .safetensors files", 1)
    return folder


def model_type(folder: Path) -> str:
    """What config.json calls the architecture; empty if it says nothing."""
    try:
        return str(json.loads((folder / "config.json").read_bytes()).get("model_type", ""))
    except (OSError, ValueError, AttributeError):
        return ""


def _from_hub(spec: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        LocalEntryNotFoundError,
        OfflineModeIsEnabled,
        RepositoryNotFoundError,
    )

    if not HUB_ID.fullmatch(spec):
        raise _refused(f"{spec} is no folder and no Hub id (owner/name)")
    try:
        return Path(snapshot_download(spec, allow_patterns=PATTERNS))
    except GatedRepoError:
        raise _refused(f"{spec} is gated", "accept its terms on the Hub, then `hf auth login`") from None
    except RepositoryNotFoundError:
        raise _refused(f"there is no repository {spec}, or it is private and you are not logged in") from None
    except (LocalEntryNotFoundError, OfflineModeIsEnabled):
        raise _refused(f"{spec} is not on this machine and the Hub cannot be reached") from None
    except (HfHubHTTPError, ConnectionError, TimeoutError) as error:
        raise _refused(f"{spec} cannot be fetched: {type(error).__name__}", "try again later") from None
    except OSError as error:
        raise _refused(f"{spec} cannot be written to the Hub's cache: {error.strerror or error}") from None


def _refused(
    message: str, hint: str = "name a folder that holds the model, or another Hub id"
) -> ProjectError:
    return fail("B170", message, hint, 1)
