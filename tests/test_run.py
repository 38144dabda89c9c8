"""Any graph: order, skipping, early cut-off, failures, and workers that end with their owner."""

import dataclasses
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import polars as pl
import pytest

from warehouse import store, workers
from warehouse.errors import BusyError, WarehouseError
from warehouse.ledger import Ledger
from warehouse.run import Task, run


@pytest.fixture
def root(tmp_path):
    return tmp_path / "root"


def part(root, name):
    return store.partition(root, f"silver.{name}", date="2025-06-18")


def task(root, name, *needs, step="add", **parameters):
    return Task(
        f"fakes:{step}",
        (part(root, name),),
        tuple(part(root, need) for need in needs),
        "v1",
        {"n": 1, **parameters},
    )


def build(root, tasks, count=2):
    told = []
    with workers.owner(root):
        ledger = Ledger(root)
        with workers.pool(root, count) as pool:
            outcome = run(tasks, ledger, pool, count, lambda *event: told.append(event))
        ledger.hashes.save()
    assert [ended for _, ended, _ in told] == sorted(ended for _, ended, _ in told)
    return outcome


def names(outcome):
    return {name.split("/")[1] for name in outcome}


def diamond(root):
    return [task(root, "d", "b", "c"), task(root, "b", "a"), task(root, "c", "a"), task(root, "a")]


def value(root, name):
    return pl.read_parquet(part(root, name).path)["n"].item()


def test_inputs_come_before_what_reads_them(root):
    first = build(root, diamond(root))
    assert names(first.made) == {"a", "b", "c", "d"}
    assert value(root, "d") == 5  # a 1, b 2, c 2
    again = build(root, diamond(root))
    assert not again.made
    assert names(again.current) == {"a", "b", "c", "d"}


def test_a_change_rebuilds_what_depends_on_it(root):
    build(root, diamond(root))
    tasks = diamond(root)
    tasks[1] = dataclasses.replace(tasks[1], fingerprint="v2", parameters={"n": 7})
    assert names(build(root, tasks).made) == {"b", "d"}
    assert value(root, "d") == 11


def test_the_same_bytes_make_nothing_stale(root):
    def chain(n):
        return [
            task(root, "a", n=n),
            task(root, "odd", "a", step="parity"),
            task(root, "end", "odd"),
        ]

    build(root, chain(1))
    assert names(build(root, chain(3)).made) == {"a", "odd"}
    assert names(build(root, chain(4)).made) == {"a", "odd", "end"}


def test_a_damaged_partition_is_made_again(root):
    build(root, diamond(root))
    part(root, "b").path.write_bytes(b"rubbish")
    assert names(build(root, diamond(root)).made) == {"b"}
    part(root, "a").manifest_path.unlink()
    assert names(build(root, diamond(root)).made) == {"a"}


def test_one_failure_takes_only_what_needs_it(root):
    tasks = [*diamond(root), task(root, "e"), task(root, "f", "e")]
    tasks[1] = dataclasses.replace(tasks[1], step="fakes:refuse")
    outcome = build(root, tasks)
    assert names(outcome.made) == {"a", "c", "e", "f"}
    assert list(outcome.failed.values()) == [f"{part(root, 'b').name} is impossible: mend it"]


def test_a_killed_worker_is_one_line_and_the_rest_resumes(root):
    tasks = [task(root, "a"), task(root, "b", "a", step="die"), task(root, "c", "b")]
    with pytest.raises(WarehouseError, match=r"a worker was killed.*run the same command again"):
        build(root, tasks)
    tasks[1] = task(root, "b", "a")
    assert names(build(root, tasks).made) == {"b", "c"}


def test_workers_are_single_threaded_and_light(root):
    build(root, [task(root, "w", step="surroundings")])
    said = pl.read_parquet(part(root, "w").path).row(0, named=True)
    assert said["threads"] == 1
    assert said["numba"] is False
    assert said["pid"] != os.getpid()
    assert not multiprocessing.active_children()
    assert "POLARS_MAX_THREADS" not in os.environ


def test_one_owner_at_a_time(root):
    with workers.owner(root), pytest.raises(BusyError, match="another build works on"), workers.owner(root):
        pass
    with workers.owner(root):
        (root / ".tmp").mkdir()
        (root / ".tmp" / "left").touch()
    with workers.owner(root):
        assert not (root / ".tmp").exists()


def test_workers_of_a_dead_owner_are_waited_for(root, monkeypatch):
    monkeypatch.setattr(workers, "ORPHANS_S", 0.1)
    root.mkdir()
    with workers._opened(root / workers.WORKERS) as held:
        workers.fcntl.flock(held, workers.fcntl.LOCK_SH)
        with pytest.raises(BusyError, match="workers of a killed build"), workers.owner(root):
            pass
    with workers.owner(root):
        pass


OWNER = """
import signal, sys
from pathlib import Path
signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job of a shell ignores it
sys.path[:0] = {paths!r}
from test_run import build, task
root = Path({root!r})
if __name__ == "__main__":
    build(root, [task(root, name, pause=30) for name in "ab"])
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_no_worker_outlives_its_owner(root, tmp_path, number):
    script = tmp_path / "owner.py"
    script.write_text(OWNER.format(paths=sys.path, root=str(root)))
    owner = subprocess.Popen([sys.executable, script], stderr=subprocess.PIPE, start_new_session=True)
    deadline = time.monotonic() + 20
    while not (busy := workers_of(owner.pid)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert busy
    time.sleep(0.3)
    os.kill(owner.pid, number)
    said = owner.communicate(timeout=20)[1].decode()
    assert owner.returncode != 0
    assert "ForkPoolWorker" not in said and "Process Spawn" not in said
    with workers.owner(root):
        assert not workers_of(owner.pid)


def test_ctrl_c_while_a_worker_is_started_waits_until_it_is():
    press, pressed = threading.Event(), threading.Event()

    def finger():
        press.wait()
        signal.raise_signal(signal.SIGINT)  # in a thread that does not block it, as polars' own do not
        pressed.set()

    class Executor:
        whole = False

        def submit(self, *_):
            press.set()
            pressed.wait()
            time.sleep(0.01)
            self.whole = True

    executor, before = Executor(), signal.signal(signal.SIGINT, signal.default_int_handler)
    threading.Thread(target=finger).start()
    try:
        with pytest.raises(KeyboardInterrupt):
            workers.Pool(executor).submit(print)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)
    assert executor.whole


def workers_of(pid):
    """Processes that hold the shared lock's file open in the session of `pid`."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != pid:
            try:
                held = [str(link.readlink()) for link in (entry / "fd").iterdir()]
                if os.getsid(int(entry.name)) == pid and any(path.endswith(workers.WORKERS) for path in held):
                    found.append(int(entry.name))
            except OSError:
                continue
    return found
