"""Fingerprints of steps and models: what changes when the code behind a table does."""

from __future__ import annotations

import functools
import hashlib

import polars as pl

from warehouse import sqlfile
from warehouse.ledger import code

STEPS = "warehouse.steps"
"""Module of the functions that tasks run."""


@functools.cache
def of_step(step: str, *modules: str) -> str:
    """Of a step with the code behind it; the calendar counts in all."""
    return joined(code(f"{STEPS}:{step}", *modules, "warehouse.session"), pl.__version__)


@functools.cache
def of_models(step: str, module: str, *names: str) -> str:
    """Of a step that runs models, by the module that hands them their inputs."""
    import duckdb  # noqa: PLC0415 (only its version)

    models = (sqlfile.load(name).fingerprint for name in names or (step,))
    return joined(of_step(step, f"warehouse.{module}"), *models, duckdb.__version__)


def joined(*parts: str) -> str:
    """One fingerprint of several."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
