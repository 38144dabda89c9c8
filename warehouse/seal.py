"""A digest that a mapping carries of all else that it says."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

KEY = "seal"


def text(said: Mapping[str, Any]) -> str:
    """A mapping as JSON, with its seal."""
    return json.dumps({**said, KEY: _digest(said)}, indent=1, sort_keys=True) + "\n"


def broken(said: Mapping[str, Any]) -> bool:
    """Whether a mapping carries a seal that is of something else."""
    return KEY in said and said[KEY] != _digest(said)


def _digest(said: Mapping[str, Any]) -> str:
    rest = {key: value for key, value in said.items() if key != KEY}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()
