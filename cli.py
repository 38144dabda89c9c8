"""The `warehouse` command: parse, call the package, print.

Imports lie inside commands, so that `--help` is quick.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

from warehouse.errors import QuestionError, WarehouseError

INTERRUPTED = 130


class _Group(TyperGroup):
    """Turns what we raise on purpose into one line on stderr and an exit code."""

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401 (typer vendors its context)
        try:
            return super().invoke(ctx)
        except WarehouseError as error:
            _stop(f"error: {error}", 1)
        except KeyboardInterrupt:
            _stop("stopped: what is finished stays, and the same command goes on from there", INTERRUPTED)
        except BrokenPipeError:
            sys.stderr.close()  # nobody reads on: say no more
            raise SystemExit(1) from None
        except OSError as error:
            said = error.strerror or str(error) or type(error).__name__
            hint = ": check space and permissions" if error.filename is None else ""
            _stop(f"error: {f'{error.filename}: ' if error.filename is not None else ''}{said}{hint}", 1)
        except _engines() as error:
            _stop(f"error: a file cannot be read ({error}): run `warehouse status --verify`", 1)


def _engines() -> tuple[type[Exception], ...]:
    """What polars and DuckDB raise over damaged files; neither is loaded for it."""
    polars, duckdb = sys.modules.get("polars"), sys.modules.get("duckdb")
    found = [polars.exceptions.ComputeError] if polars else []
    return (*found, duckdb.Error) if duckdb else tuple(found)


def _stop(line: str, code: int) -> NoReturn:
    typer.echo(" ".join(line.split()), err=True)
    raise SystemExit(code)


app = typer.Typer(
    cls=_Group,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Order-book physics around price levels: DBN files in, precedents with base rates out.",
)


def _written(how: Callable[[str], str]) -> Callable[[str | None], str | None]:
    """A name as it is spelt; left empty, such as by an unset variable, it is a mistake and no default."""

    def read(word: str | None) -> str | None:
        if word is not None and not word.strip():
            raise typer.BadParameter("it is empty: give a name, or leave the option out")
        return word and how(word)

    return read


Dates = Annotated[
    str, typer.Option(help="2025-06-12, 2025-06-04:2025-06-30 (both included), or several with commas.")
]
Level = Annotated[
    str,
    typer.Option(
        help="A price such as 6800.25, or PM_HIGH, PM_LOW, OR_HIGH, OR_LOW, OR30_HIGH, OR30_LOW, SMA_90,"
        " EMA_20, PRIOR_HIGH, PRIOR_LOW, PRIOR_CLOSE, OVERNIGHT_HIGH, OVERNIGHT_LOW, SESSION_HIGH,"
        " SESSION_LOW, VWAP."
    ),
]
Ts = Annotated[str, typer.Option(help="Moment, New York time unless it ends in Z or an offset.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON document instead of text.")]
Raw = Annotated[Path | None, typer.Option(help="Folder of DBN files; default ROOT/raw.")]
Product = Annotated[str | None, typer.Option(help="Such as ES; needed only when several are there.")]
Contract = Annotated[
    str | None, typer.Option(help="Such as ESU5; default the front contract.", callback=_written(str.upper))
]
Schema = Annotated[
    str | None, typer.Option(help="mbp-10 or mbo; default MBO where landed.", callback=_written(str.lower))
]
Levels = Annotated[str | None, typer.Option(help="Your own prices: 4808,4810 or a CSV (date,price,known).")]
SetupWindow = Annotated[str, typer.Option(help="New York times between which arrivals count.")]
Workers = Annotated[int | None, typer.Option(min=1, help="Processes; default one per core.")]


@app.callback()
def options(
    ctx: typer.Context,
    root: Annotated[
        Path | None, typer.Option(envvar="WAREHOUSE_ROOT", help="Folder of the warehouse; default data.")
    ] = None,
) -> None:
    ctx.obj = root


@app.command()
def demo(ctx: typer.Context, workers: Workers = None) -> None:
    """Simulate 24 sessions, build a warehouse of them, ask one question; under two minutes."""
    from warehouse import demo as demonstration
    from warehouse.progress import Bar

    with Bar() as bar:
        shown = demonstration.run(ctx.obj or Path("data/demo"), workers, bar.tell)
    typer.echo(shown)


@app.command()
def simulate(
    dates: Dates,
    out: Annotated[Path | None, typer.Option(help="Folder for the files; not needed with --report.")] = None,
    world: Annotated[str, typer.Option(help="null, decoy, hidden, planted, flip or literal.")] = "null",
    dials: Annotated[
        str, typer.Option(help="Other values of its dials: kf=0.1,km=0.05,wall=200,spoof=1.")
    ] = "",
    schema: Annotated[str, typer.Option(help="mbp-10, mbo, or both with a comma.")] = "mbp-10",
    hours: Annotated[
        str | None, typer.Option(help="New York times such as 04:00-13:30; default the whole day.")
    ] = None,
    rate_scale: Annotated[float, typer.Option(help="1 is about 165 records a second.")] = 1.0,
    seed: int = 0,
    report: Annotated[
        bool, typer.Option("--report", help="How real the first date is at the full rate.")
    ] = False,
    workers: Workers = None,
) -> None:
    """Write DBN files of a simulated market, with its truth beside them."""
    from warehouse import wording
    from warehouse.progress import Bar
    from warehouse.simulate import market, realism, worlds
    from warehouse.workers import cores

    if out is None and not report:
        raise typer.BadParameter("give a folder for the files", param_hint="--out")
    days = [asked.date for asked in wording.dates(dates)]
    window, turned = wording.window(hours) if hours else None, worlds.parsed(dials)
    if out is not None:
        with Bar() as bar:
            written = market.simulate(
                out,
                days,
                world=world,
                dials=turned,
                hours=(window.start, window.end) if window else None,
                rate_scale=rate_scale,
                seed=seed,
                schema=tuple(schema.split(",")),
                workers=workers or cores(),
                progress=bar.tell,
            )
        for path in written:
            typer.echo(path)
    if report:
        chosen = worlds.turned(worlds.world_named(world), turned)
        typer.echo(realism.report(days[0], chosen, seed, workers or cores()))


@app.command()
def build(
    ctx: typer.Context,
    dates: Dates,
    raw: Raw = None,
    product: Product = None,
    contract: Contract = None,
    schema: Schema = None,
    levels: Levels = None,
    setup_window: SetupWindow = "09:30-12:30",
    workers: Workers = None,
) -> None:
    """Land and build everything for some dates. What is current is skipped, what was cut short is resumed."""
    from warehouse import build as building
    from warehouse.progress import Bar
    from warehouse.request import Request

    request = Request(_root(ctx), dates, raw, product, contract, schema, levels, setup_window, workers)
    with Bar() as bar:
        report = building.build(request, bar.tell)
    for note in report.notes:
        typer.echo(note, err=True)
    for error in report.errors:
        typer.echo(f"error: {error}", err=True)
    typer.echo(f"{len(report.made)} made, {len(report.current)} current, {len(report.errors)} failed")
    raise typer.Exit(1 if report.errors else 0)


@app.command()
def plan(
    ctx: typer.Context,
    dates: Dates,
    raw: Raw = None,
    product: Product = None,
    contract: Contract = None,
    schema: Schema = None,
    levels: Levels = None,
    setup_window: SetupWindow = "09:30-12:30",
    workers: Workers = None,
) -> None:
    """Say what `build` would make and why. Writes nothing."""
    from warehouse import forecast
    from warehouse.request import Request

    request = Request(_root(ctx), dates, raw, product, contract, schema, levels, setup_window, workers)
    for line in forecast.lines(request):
        typer.echo(line)


@app.command()
def status(
    ctx: typer.Context,
    verify: Annotated[
        bool, typer.Option("--verify", help="Read every file again and compare its sha256.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Show tables, dates, rows, bytes, the quality of each date and the index's recall."""
    from warehouse import status as state

    found = state.status(_root(ctx), verify=verify)
    typer.echo(state.to_json(found) if as_json else state.to_text(found))
    raise typer.Exit(1 if found.damaged else 0)


@app.command()
def similar(
    ctx: typer.Context,
    level: Level,
    ts: Ts,
    k: Annotated[int, typer.Option("-k", min=1, help="Neighbours.")] = 30,
    as_of: Annotated[
        str | None, typer.Option(help="Only setups resolved by then; default the moment itself.")
    ] = None,
    same_day: Annotated[
        bool, typer.Option("--same-day", help="Admit earlier setups of the same date.")
    ] = False,
    kinds: Annotated[str | None, typer.Option(help="Kinds of level to admit, with commas.")] = None,
    contract: Contract = None,
    spec: Annotated[str, typer.Option(help="Vector to compare by.")] = "snapshot30r",
    index: Annotated[
        str | None, typer.Option(help="hnsw or exact; default as the library's size demands.")
    ] = None,
    hours: Annotated[
        str | None, typer.Option(help="Only moments in this span of New York time: 09:30-10:30.")
    ] = None,
    volatility: Annotated[
        str | None, typer.Option(help="Only moments so many times as volatile as this one: 0.8-1.25.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Freeze a moment at a level and show what followed the nearest earlier ones."""
    from warehouse import render, wording
    from warehouse import similar as retrieval

    card = retrieval.ask(
        _root(ctx),
        level,
        wording.instant(ts),
        k=k,
        as_of=None if as_of is None else wording.instant(as_of),
        same_day=same_day,
        kinds=None if kinds is None else kinds.split(","),
        contract=contract,
        spec=spec,
        index=index,
        hours=hours,
        volatility=volatility,
    )
    typer.echo(render.card_json(card) if as_json else render.card(card))


@app.command()
def physics(
    ctx: typer.Context,
    level: Level,
    ts: Ts,
    to: Annotated[str | None, typer.Option(help="Last moment: a frame for every bar until then.")] = None,
    contract: Contract = None,
    as_json: Json = False,
) -> None:
    """Show pressure point by point around a level, its story and the four conditions."""
    from warehouse import render, replay, wording

    last = None if to is None else wording.instant(to)
    frames = replay.physics(_root(ctx), level, wording.instant(ts), last, contract)
    typer.echo(render.frames_json(frames) if as_json else render.frames(frames))


@app.command()
def sql(
    ctx: typer.Context,
    query: Annotated[
        str, typer.Argument(help="DuckDB SQL; times are UTC, ny('2025-06-12 10:14:35') makes one.")
    ],
    form: Annotated[str, typer.Option("--format", help="table, csv, json or parquet.")] = "table",
    out: Annotated[Path | None, typer.Option(help="File to write; needed for parquet.")] = None,
) -> None:
    """Ask in SQL; schemas bronze, silver, gold; helpers similar, physics, odds, ny."""
    from warehouse import database

    typer.echo(database.query(_root(ctx), query, form, out), nl=False)


@app.command()
def features(
    name: Annotated[
        str | None,
        typer.Argument(help="A family, a feature, or words, units, windows in bars; default the list."),
    ] = None,
    write: Annotated[Path | None, typer.Option(help="Folder to write the reference pages to.")] = None,
) -> None:
    """Show the catalogue: families, one family, one feature, or those found by unit, window or words."""
    from warehouse import render

    typer.echo(render.features(name, write))


@app.command()
def audit(
    ctx: typer.Context,
    date: Annotated[str, typer.Option(help="A built date.")],
    cuts: Annotated[int, typer.Option(min=1, help="Moments to cut at.")] = 5,
    contract: Contract = None,
    as_json: Json = False,
) -> None:
    """Hold a built date to the look-ahead law: cut it, build it again, compare bit for bit."""
    from warehouse import audit as law

    found = law.audit(_root(ctx), date, cuts, contract)
    typer.echo(law.to_json(found) if as_json else law.to_text(found))
    raise typer.Exit(1 if found.differences else 0)


@app.command()
def evaluate(
    ctx: typer.Context,
    as_json: Json = False,
    html: Annotated[Path | None, typer.Option(help="Page to write: table, intervals, reliability.")] = None,
    spec: Annotated[
        str | None, typer.Option(help="Vectors to try beside the default, with commas; default all.")
    ] = None,
) -> None:
    """Walk forward over what is built: skill over the geometric null, baselines and negative controls."""
    from warehouse.evaluate import page, report, results, table

    if html is not None and (html.is_dir() or not html.parent.is_dir()):
        raise QuestionError(f"{html} cannot be written: give --html a file in a folder that exists")
    tried = None if spec is None else spec.split(",")
    found = report.evaluate(_root(ctx), lambda what: typer.echo(what, err=True), tried)
    if html is not None:
        html.write_text(page.render(found))
    typer.echo(results.to_json(found) if as_json else table.render(found))


def _root(ctx: typer.Context) -> Path:
    return ctx.obj or Path("data")


def main() -> None:
    """Run the command."""
    app()


if __name__ == "__main__":
    main()
