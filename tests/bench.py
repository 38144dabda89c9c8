"""Speed and memory as ratios: whole processes in turn, the median of the pairs.

Run `uv run just bench`. Every figure is the wall time of a fresh process over that of its reference,
taken right after it, so that a noisy machine disturbs both; the median of five pairs is printed beside
the mark it is held to. Peak memory is the largest resident set of the build and its worker.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

DATE = "2025-06-04"
HOURS = "04:00-12:45"
PRODUCT_FILE = "xsim-mdp3-20250604.mbp-10.dbn.zst"
WAREHOUSE = str(Path(sys.executable).with_name("warehouse"))

REFERENCE = """
import sys, warnings
warnings.simplefilter("ignore")
import databento
warnings.simplefilter("ignore")
databento.DBNStore.from_file(sys.argv[1]).to_parquet(sys.argv[2])
"""
LANDING = """
import sys
from pathlib import Path
from warehouse import land
raw, root = map(Path, sys.argv[1:3])
for landing in land.plan(land.survey(raw, root)):
    land.land(root, landing)
"""
EVENT_PASS = """
import datetime as dt, sys, time
from pathlib import Path
from warehouse.flow import flow
root, out = map(Path, sys.argv[1:3])
begin = time.process_time()
flow(root, "SIMM5", dt.date(2025, 6, 4), "mbp-10", out)
print(time.process_time() - begin)
"""
SCAN_AND_SUM = """
import sys, time
import polars as pl
from warehouse.flow.mbp10 import Mbp10
begin = time.process_time()
names = set(Mbp10.columns) - {"action", "side"}
sums = pl.col(sorted(names)).cast(pl.Int64).sum(), pl.col("action", "side").str.len_bytes().sum()
pl.scan_parquet(sys.argv[1]).select(*sums).collect()
print(time.process_time() - begin)
"""
IMPORTS = "import polars, duckdb, numpy, hnswlib"
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
"""Bytecode is cached, as it is wherever the command is run twice."""


@dataclass(frozen=True)
class Run:
    """One finished process: wall seconds and the largest resident set of it and its children, in MiB."""

    seconds: float
    peak: float


def run(*command: str) -> Run:
    """Run a command to its end; its output is kept only if it fails."""
    with tempfile.TemporaryFile() as log:
        start = time.perf_counter()
        process = subprocess.Popen(command, stdout=log, stderr=log, env=ENVIRONMENT)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        if status:
            log.seek(0)
            sys.exit(f"{' '.join(command)} failed:\n{log.read().decode()[-2000:]}")
    return Run(seconds, usage.ru_maxrss / 1024)


def python(code: str, *args: str) -> Run:
    return run(sys.executable, "-c", code, *args)


def market(folder: Path, rate: float) -> Path:
    """A simulated session of the null world as one MBP-10 file, written once per rate."""
    raw = folder / f"raw-{rate:g}"
    if not raw.exists():
        run(WAREHOUSE, "simulate", "--out", str(raw), "--dates", DATE, "--world", "null",
            "--hours", HOURS, "--rate-scale", str(rate))  # fmt: skip
    return raw


def seconds(code: str, *args: str) -> float:
    """Processor seconds that a single-threaded process says it took."""
    one = {**ENVIRONMENT, "POLARS_MAX_THREADS": "1", "OMP_NUM_THREADS": "1"}
    told = subprocess.run(
        [sys.executable, "-c", code, *args], check=True, capture_output=True, text=True, env=one
    )
    return float(told.stdout)


def event_pass(folder: Path, count: int) -> None:
    """Records that a core takes from bronze to quotes, trades, ladder and book in a second of its time."""
    import pyarrow.parquet as pq

    [path] = (folder / "landed").glob("bronze/mbp_10/symbol=SIMM5/*/part.parquet")
    records = pq.ParquetFile(path).metadata.num_rows / 1e6
    (out := folder / "flow").mkdir(exist_ok=True)
    taken = [
        (seconds(EVENT_PASS, str(folder / "landed"), str(out)), seconds(SCAN_AND_SUM, str(path)))
        for _ in range(count)
    ]
    our, their = (records / statistics.median(times) for times in zip(*taken, strict=True))
    note = f"polars scans and sums the same columns at {their:.2f}"
    line("event pass, million records/s of a core", f"{our:.2f}", ">= 1.00", note)


def fresh(root: Path) -> Path:
    shutil.rmtree(root, ignore_errors=True)
    return root


def pairs(count: int, ours: Callable[[], Run], theirs: Callable[[], Run]) -> tuple[float, float, float]:
    """Median ratio of wall times, and both medians in seconds."""
    taken = [(theirs().seconds, ours().seconds) for _ in range(count)]
    ratio = statistics.median(our / their for their, our in taken)
    return ratio, statistics.median(o for _, o in taken), statistics.median(t for t, _ in taken)


def line(what: str, value: str, mark: str, note: str = "") -> None:
    sys.stdout.write(f"{what:<44} {value:>10}   mark {mark:<8} {note}\n")
    sys.stdout.flush()


def compare(what: str, mark: str, count: int, ours: Callable[[], Run], theirs: Callable[[], Run]) -> None:
    ratio, our, their = pairs(count, ours, theirs)
    line(what, f"{ratio:.2f}", f"<= {mark}", f"{our:.2f} s against {their:.2f} s")


def build(root: Path, raw: Path) -> Run:
    return run(
        WAREHOUSE, "--root", str(fresh(root)), "build", "--dates", DATE, "--raw", str(raw), "--workers", "1"
    )


def main() -> None:
    """Print every ratio that the project promises."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument(
        "--rate", type=float, default=1.15, help="rate scale of the smaller file; 1.15 is 3 million records"
    )
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument(
        "--demo", type=Path, default=Path("data/demo"), help="a built demo root for `similar`"
    )
    parser.add_argument("--keep", type=Path, help="folder to keep the simulated files in")
    options = parser.parse_args()
    folder = options.keep or Path(tempfile.mkdtemp())
    folder.mkdir(parents=True, exist_ok=True)
    raw = market(folder, options.rate)
    reference = lambda: python(REFERENCE, str(raw / PRODUCT_FILE), str(folder / "reference.parquet"))  # noqa: E731
    landing = lambda: python(LANDING, str(raw), str(fresh(folder / "landed")))  # noqa: E731
    compare("landing / DBNStore.to_parquet", "0.30", options.pairs, landing, reference)
    event_pass(folder, options.pairs)
    compare(
        "whole build, one worker / the same",
        "0.80",
        options.pairs,
        lambda: build(folder / "built", raw),
        reference,
    )
    memory(folder, options.rate)
    command_line(options.demo, options.pairs)
    if not options.keep:
        shutil.rmtree(folder)


def memory(folder: Path, rate: float) -> None:
    """Peak memory of a build, and its growth over four times the records in the same hours."""
    small, large = (build(folder / "built", market(folder, scale)).peak for scale in (rate, 4 * rate))
    line("peak memory of a worker, MiB", f"{large:.0f}", "< 1536", f"{small:.0f} at a quarter of the records")
    line("its growth over four times the records", f"{large / small - 1:+.0%}", "< 15 %")


def command_line(demo: Path, count: int) -> None:
    """The answer and the help, over the bare imports."""
    imports = lambda: python(IMPORTS)  # noqa: E731
    run(sys.executable, "-c", IMPORTS)
    if (demo / "warehouse.duckdb").exists():
        for what, ago in (("an arrival", 0), ("any moment", 8)):
            ask = ("--root", str(demo), "similar", *question(demo, ago))
            compare(
                f"similar of {what} / importing", "2.5", count, lambda ask=ask: run(WAREHOUSE, *ask), imports
            )
    compare("--help / importing the libraries", "0.4", count, lambda: run(WAREHOUSE, "--help"), imports)


def question(demo: Path, ago: int) -> list[str]:
    """The last setup of the demo, or the moment some seconds before it, as options of `similar`."""
    import duckdb

    last = f"select level_kind, strftime((known_ts - interval {ago} second)::timestamp, '%Y-%m-%dT%H:%M:%SZ') from setups"
    with duckdb.connect(str(demo / "warehouse.duckdb"), read_only=True) as db:
        kind, ts = db.sql(f"{last} order by known_ts desc limit 1").fetchall()[0]
    return ["--level", kind, "--ts", ts]


if __name__ == "__main__":
    main()
