"""All golden cases by stage and name, and the parts of a base that a stage needs."""

from __future__ import annotations

from tests.stages.judged import JUDGED
from tests.stages.light import LIGHT
from tests.stages.media import MEDIA
from tests.stages.models import MODELS, PARTS

CASES = {**LIGHT, **JUDGED, **MEDIA, **MODELS}

__all__ = ["CASES", "PARTS"]
