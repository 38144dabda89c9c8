"""Processes that work on one root: who may, how they start, and that none outlives its owner."""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import multiprocessing
import os
import shutil
import signal
import threading
import time
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from warehouse.errors import BusyError, KilledError

LOCK, WORKERS, TEMPORARY = ".lock", ".workers", ".tmp"
ORPHANS_S = 20.0
"""Seconds that a build waits for the workers of a killed one to end."""
_ALONE = {"POLARS_MAX_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}

_held: list[int] = []
"""Locks of this worker; they live as long as the process."""


@contextlib.contextmanager
def owner(root: Path) -> Iterator[None]:
    """Be the one build of a root, with what a killed one left in `.tmp` swept away.

    Raises:
        BusyError: If another build, or a worker of one, is at work.
    """
    root.mkdir(parents=True, exist_ok=True)
    with _opened(root / LOCK) as lock, _opened(root / WORKERS) as workers:
        if not _taken(lock):
            raise BusyError(f"another build works on {root}: wait until it ends")
        deadline = time.monotonic() + ORPHANS_S
        while not _taken(workers):
            if time.monotonic() > deadline:
                raise BusyError(f"workers of a killed build still run on {root}: end them, then build")
            time.sleep(0.02)
        shutil.rmtree(root / TEMPORARY, ignore_errors=True)
        fcntl.flock(workers, fcntl.LOCK_UN)
        yield
        shutil.rmtree(root / TEMPORARY, ignore_errors=True)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[int]:
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        yield handle
    finally:
        os.close(handle)


def _taken(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


class Pool:
    """Spawned workers behind `submit`, shaped like a `concurrent.futures.Executor`."""

    def __init__(self, executor: ProcessPoolExecutor) -> None:
        self._executor = executor

    def submit(self, work: Callable[..., Any], *args: object) -> Future[Any]:
        with _interrupt_later():
            try:
                return self._executor.submit(_tidily, work, *args)
            except BrokenProcessPool:
                raise KilledError from None


def _tidily(work: Callable[..., Any], *args: object) -> Any:  # noqa: ANN401 (whatever is submitted)
    """What work gives; the memory that it freed goes back, else allocators keep the peak of every task."""
    import pyarrow as pa  # noqa: PLC0415 (not every command that starts workers has it loaded)

    try:
        return work(*args)
    finally:
        pa.default_memory_pool().release_unused()
        if trim := getattr(ctypes.CDLL(None), "malloc_trim", None):  # of glibc alone
            trim(0)


@contextlib.contextmanager
def _interrupt_later() -> Iterator[None]:
    """Ctrl-C is heard at the block's end, and never by a worker that the block starts.

    A worker inherits the mask. The owner needs a handler besides: a signal that this thread blocks
    is taken by any other, and would leave a worker half started.
    """
    heard: list[int] = []
    handler = signal.signal(signal.SIGINT, lambda number, _: heard.append(number))
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        signal.signal(signal.SIGINT, handler)
        for number in heard:
            signal.raise_signal(number)


def ended(running: Collection[Future[Any]]) -> set[Future[Any]]:
    """What ended, after a short wait; perhaps nothing.

    Polars' SIGINT hook restarts a wait that has no end, so that Ctrl-C would go unheard.
    """
    return wait(running, timeout=0.2, return_when=FIRST_COMPLETED).done


def result(future: Future[Any]) -> Any:  # noqa: ANN401 (whatever was submitted)
    """What a task gave, or its error, once it ends.

    Raises:
        KilledError: If its worker was.
    """
    while future not in ended([future]):
        pass
    try:
        return future.result()
    except BrokenProcessPool:
        raise KilledError from None


def cores() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0))


@contextlib.contextmanager
def pool(root: Path, count: int) -> Iterator[Pool]:
    """Workers on a root, gone when the block is left in whatever way, or when this process dies."""
    context = multiprocessing.get_context("spawn")
    far, near = context.Pipe(duplex=False)
    before = {name: os.environ.get(name) for name in _ALONE}
    os.environ.update(_ALONE)
    executor = ProcessPoolExecutor(count, context, _enter, (str(root), far, os.getpid()))
    try:
        yield Pool(executor)
        executor.shutdown(wait=True)
    finally:
        near.close()
        executor.shutdown(wait=True, cancel_futures=True)
        far.close()
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def _enter(root: str, owner_pipe: Connection, owner_pid: int) -> None:
    """Become a worker: hold the shared lock, then end with the owner.

    The lock comes before the look at the owner: a build that found the lock free can only meet a
    worker that is about to find its owner dead.
    """
    handle = os.open(Path(root) / WORKERS, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    fcntl.flock(handle, fcntl.LOCK_SH)
    _held.append(handle)
    if os.getppid() != owner_pid:
        os._exit(1)
    threading.Thread(target=_end_with, args=(owner_pipe,), daemon=True).start()


def _end_with(owner_pipe: Connection) -> None:
    with contextlib.suppress(OSError):
        owner_pipe.poll(None)
    os._exit(1)
