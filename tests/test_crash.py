"""Kill a build at random moments, its workers too: the same command finishes, and nothing shows of it."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from trees import digests

KILLS = 20
CHECKOUT = Path(__file__).parents[1]


MAIN = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job of a shell ignores it
import cli
cli.main()
"""


def start(root, raw):
    words = ["--root", str(root), "build", "--dates", "2025-06-26", "--raw", str(raw)]
    return subprocess.Popen(
        [sys.executable, "-c", MAIN, *words],
        cwd=CHECKOUT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def family(pid):
    """Processes of a session other than its leader."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != pid:
            try:
                if os.getsid(int(entry.name)) == pid and "spawn_main" in (entry / "cmdline").read_text():
                    found.append(int(entry.name))
            except OSError:
                continue
    return found


def kill(build, how, draw):
    """End a build in one of the ways in which builds end; whether there was something to end."""
    try:
        if how == "worker":
            victims = family(build.pid)
            if victims:
                os.kill(draw.choice(victims), signal.SIGKILL)
            return bool(victims) and build.poll() is None
        if how == "all":
            os.killpg(build.pid, signal.SIGKILL)
        else:
            os.kill(build.pid, {"owner": signal.SIGKILL, "interrupt": signal.SIGINT}[how])
    except ProcessLookupError:
        return False
    return build.poll() is None or build.returncode < 0


def test_whatever_kills_a_build_leaves_no_trace(tiny_raw, tmp_path):
    root, draw = tmp_path / "root", random.Random(11)
    calm = start(tmp_path / "calm", tiny_raw)
    assert calm.communicate(timeout=120) and calm.returncode == 0
    wanted, killed = digests(tmp_path / "calm"), 0
    while killed < KILLS:
        build = start(root, tiny_raw)
        time.sleep(draw.uniform(0.5, 2.0))
        how = draw.choice(["owner", "worker", "interrupt", "all"])
        if build.poll() is None and kill(build, how, draw):
            killed += 1
        said = build.communicate(timeout=60)[1].decode()
        # Only a worker that was just being born when its owner was killed may complain, of just that.
        orphans = said.count("EOFError: Ran out of input") if how == "owner" else 0
        assert said.count("Traceback") == orphans, said
        if build.returncode == 0:
            assert digests(root) == wanted
            shutil.rmtree(draw.choice([root, root / "silver", root / "gold", root / "bronze"]))
    last = start(root, tiny_raw)
    said = last.communicate(timeout=120)[1].decode()
    assert last.returncode == 0, said
    assert digests(root) == wanted
    assert not (root / ".tmp").exists()
