"""Steps that a test's graph runs in place of the real ones."""

import os
import signal
import time
from pathlib import Path

import polars as pl

from warehouse import store
from warehouse.errors import DataError


def add(task, manifest):
    """The sum of the inputs and of the parameter, after a pause."""
    time.sleep(task.parameters.get("pause", 0))
    total = sum(pl.read_parquet(source.path)["n"].sum() for source in task.inputs) + task.parameters["n"]
    for target in task.outputs:
        store.write(target, pl.DataFrame({"n": [total]}), manifest)


def parity(task, manifest):
    """Whether the inputs' sum is odd: most changes of an input leave it as it was."""
    total = sum(pl.read_parquet(source.path)["n"].sum() for source in task.inputs)
    store.write(task.outputs[0], pl.DataFrame({"n": [total % 2]}), manifest)


def refuse(task, _manifest):
    raise DataError(f"{task.name} is impossible: mend it")


def die(_task, _manifest):
    os.kill(os.getpid(), signal.SIGKILL)


def surroundings(task, manifest):
    import sys

    said = {
        "threads": [pl.thread_pool_size()],
        "numba": ["numba" in sys.modules],
        "pid": [os.getpid()],
        "cwd": [str(Path.cwd())],
    }
    store.write(task.outputs[0], pl.DataFrame(said), manifest)
