"""Twenty minutes in few numbers: each kind of statistic by hand, axes of the past alone, and every spec asked."""

import math

import gold
import numpy as np
import polars as pl
import pytest

from warehouse import catalog, database, library, scales, similar, summaries, vectors
from warehouse.errors import MissingStepError, QuestionError
from warehouse.vectors import Spec

BARS = 240
FAR, OBI = "bar5s_lvl_retreat_far_sum", "bar5s_state_obi10_eob_r"
DAYS = gold.dates(6)
WIDTHS = {
    "trigger": 14, "mean": 14, "mean_std": 28, "mean_std_delta": 42, "trigger_delta": 28, "thirds": 42,
    "multi_window": 56, "last36": 28, "recent": 14, "family": 18, "core": 10, "pca": 56, "volume": 18,
    "trajectory": 32,
}  # fmt: skip
"""The fourteen strategies."""
OTHERS = {
    "snapshot30": 30, "snapshot30r": 30, "geometry4": 4, "retreat6": 6, "physics8": 8, "profile": 16, "multi": 44,
    "geom32": 32, "episode133": 133, "snapshot30r+physics8": 36,
}  # fmt: skip


def told(far=None, obi=None, x=None, sigma=2.0):
    """Summaries of one setup whose series are given, oldest bar first; what is not given is unknown."""
    series = {name: pl.Series([None] * BARS, dtype=pl.Float32) for name in catalog.load().sequence}
    for name, values in ((FAR, far), (OBI, obi)):
        if values is not None:
            series[name] = pl.Series(values, dtype=pl.Float32)
    own = {"setup_id": ["a"] * BARS, "step": range(1 - BARS, 1), "x": x or [None] * BARS}
    bars = pl.LazyFrame({**own, **series}, schema_overrides={"x": pl.Float64, "step": pl.Int64})
    setups = pl.LazyFrame({"setup_id": ["a", "gone"], "sigma_60": [sigma, 1.0]})
    return summaries.summaries(setups, bars).rows(named=True)


def one(**series):
    return told(**series)[0]


LINE = [n / 8 for n in range(BARS)]
"""A line of exact eighths: its mean, spread and slope are known in closed form."""


def test_means_deviations_and_changes_of_a_line() -> None:
    got = one(obi=LINE)
    assert got["lead_obi10_mean"] == pytest.approx(239 / 16)
    assert got["lead_obi10_mean_w12"] == pytest.approx((228 + 239) / 16)
    assert got["lead_obi10_mean_w36"] == pytest.approx((204 + 239) / 16)
    assert got["lead_obi10_mean_w120"] == pytest.approx((120 + 239) / 16)
    assert got["lead_obi10_std"] == pytest.approx(math.sqrt((240**2 - 1) / 12) / 8)
    assert got["lead_obi10_std_w36"] == pytest.approx(math.sqrt((36**2 - 1) / 12) / 8)
    assert got["lead_obi10_delta"] == 239 / 8
    thirds = [got[f"lead_obi10_{part}"] for part in ("early", "mid", "late")]
    assert thirds == pytest.approx([79 / 16, (80 + 159) / 16, (160 + 239) / 16])


def test_x_is_told_in_moves_of_its_own_setup() -> None:
    assert one(x=LINE, sigma=4.0)["lead_x_mean"] == pytest.approx(239 / 64)
    assert one(x=LINE, sigma=None)["lead_x_mean"] is None


def test_what_is_unknown_counts_for_nothing() -> None:
    """Known in the last two bars alone, 3 and 5: a mean of 4, no spread of two, no third of two, no change."""
    got = one(far=[None] * 238 + [3.0, 5.0])
    assert got["lead_far_mean"] == got["lead_far_mean_w12"] == 4.0
    names = ("std", "std_w36", "early", "late", "delta", "path_w12", "ago6")
    assert [got[f"lead_far_{name}"] for name in names] == [None] * len(names)
    three = one(far=[None] * 237 + [2.0, 3.0, 5.0])
    assert three["lead_far_std"] == pytest.approx(math.sqrt(14 / 9))
    assert [one()[name] for name in catalog.load().summaries] == [None] * len(catalog.load().summaries)
    six = one(obi=[1.0, 2.0] * 3 + [None] * 234)
    assert six["lead_obi10_early"] == 1.5 and six["lead_obi10_mid"] is None
    assert one(obi=[1.0] * 5 + [None] * 235)["lead_obi10_early"] is None


def test_a_setup_without_a_sequence_has_nulls() -> None:
    assert set(told(obi=LINE)[1].values()) == {"gone", None}


def test_recent_bars_weigh_more() -> None:
    """1 now, 0 twelve bars ago, 4 twenty-four bars ago: (1 + 4 / 4) / (1 + 1 / 2 + 1 / 4)."""
    values = [None] * BARS
    values[239], values[227], values[215] = 1.0, 0.0, 4.0
    assert one(obi=values)["lead_obi10_recent"] == pytest.approx(2 / 1.75)
    assert one(obi=[3.0] * BARS)["lead_obi10_recent"] == pytest.approx(3)


def test_the_change_by_a_line_is_that_of_the_known_bars() -> None:
    assert one(far=LINE)["lead_far_path_w12"] == pytest.approx(12 / 8)
    holes = [value if n % 3 else None for n, value in enumerate(LINE)]
    assert one(far=holes)["lead_far_path_w36"] == pytest.approx(36 / 8)
    assert one(far=LINE)["lead_far_ago18"] == LINE[221]


def test_waves_against_a_written_out_sum() -> None:
    rng = np.random.default_rng(0)
    values = np.cumsum(rng.standard_normal(BARS)).astype(np.float32)
    got = one(obi=values.tolist())
    for wave in range(8):
        scale = math.sqrt((1 if wave == 0 else 2) / BARS)
        want = scale * sum(
            float(value) * math.cos(math.pi * (n + 0.5) * wave / BARS) for n, value in enumerate(values)
        )
        assert got[f"lead_obi10_c{wave}"] == pytest.approx(want, rel=1e-5, abs=1e-5)


def test_waves_bridge_a_tenth_and_no_more() -> None:
    """A line with holes is the line; its ends are held."""
    whole = one(obi=LINE)
    holes = [None if n % 10 == 5 else value for n, value in enumerate(LINE)]
    assert one(obi=holes)["lead_obi10_c1"] == pytest.approx(whole["lead_obi10_c1"], rel=1e-6)
    assert one(obi=[None] * 24 + [2.0] * 216)["lead_obi10_c0"] == pytest.approx(2 * math.sqrt(BARS))
    assert one(obi=[None] * 25 + [2.0] * 215)["lead_obi10_c0"] is None


def test_every_spec_has_its_width_and_slots_that_exist() -> None:
    known = catalog.load()
    assert {name: len(slots) for name, slots in known.vectors.items()} == WIDTHS | OTHERS
    for slots in known.vectors.values():
        assert len(set(slots)) == len(slots)
        assert all(slot in known or slot in known.summaries for slot in slots)
    prints = [vectors.fingerprint(name) for name in known.vectors]
    assert len(set(prints)) == len(prints)
    assert {slot for slots in known.vectors.values() for slot in slots} >= known.summaries.keys()


def drawn(date, count, seed):
    rng = np.random.default_rng(seed)
    causes = rng.standard_normal((count, 2)) * [5, 2]
    values = causes @ rng.standard_normal((2, 6)) + 0.1 * rng.standard_normal((count, 6))
    return pl.DataFrame(values, [f"s{n}" for n in range(6)]).with_columns(
        date=pl.lit(date), is_placebo=pl.lit(value=False), excess=pl.lit(None, pl.Float64)
    )


AXES = Spec("axes", tuple(f"s{n}" for n in range(6)), 3)


def test_axes_are_those_of_numpys_svd_of_the_past_alone() -> None:
    """Its directions up to sign, the largest part positive; the day, later days and placebos say nothing."""
    day = DAYS[2]
    past = drawn(DAYS[1], 200, 0)
    noise = [drawn(day, 90, 1), drawn(DAYS[4], 90, 2), drawn(DAYS[0], 90, 3).with_columns(is_placebo=True)]
    rows = scales.fitted(pl.concat([*noise, past]), [AXES], day)
    scale = vectors.scaler(rows, AXES)
    points = np.clip(vectors.scaled(vectors.matrix(past, AXES), scale).astype(float), -5, 5)
    want = np.linalg.svd(points - points.mean(axis=0))[2][:3]
    assert np.abs(np.sum(scale.axes.T * want, axis=1)) == pytest.approx(np.ones(3), abs=1e-6)
    assert (scale.axes[np.abs(scale.axes).argmax(axis=0), range(3)] > 0).all()
    assert rows.equals(scales.fitted(past, [AXES], day))


def test_distances_along_axes_and_what_is_missing() -> None:
    past = drawn(DAYS[1], 200, 0)
    scale = vectors.scaler(scales.fitted(past, [AXES], DAYS[2]), AXES)
    raw = vectors.matrix(past[:4], AXES)
    raw[1, 0], raw[2, :2] = np.nan, np.nan
    placed, mad = vectors.placed(raw, scale)
    assert placed.shape == (4, 3) and mad.tolist() == [1, 1, 1]
    filled = np.where(np.isnan(raw[1]), scale.median, raw[1])
    want = np.clip((filled - scale.median) / scale.mad, -5, 5) @ scale.axes
    assert placed[1].tolist() == pytest.approx(want.tolist(), rel=1e-5)
    assert np.isnan(placed[2]).all()  # four of six are fewer than seven tenths
    assert vectors.spec("pca").compared[:2] == ("axis 1", "axis 2")


def test_too_small_a_past_has_no_axes() -> None:
    rows = scales.fitted(drawn(DAYS[1], 19, 0), [AXES], DAYS[2])
    assert vectors.scaler(rows, AXES).axes.tolist() == np.eye(6, 3).tolist()
    assert vectors.scaler(pl.DataFrame(schema=rows.schema), AXES).axes.tolist() == np.eye(6, 3).tolist()


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    made = gold.root(tmp_path_factory.mktemp("root"), len(DAYS), 12)
    database.build(made)
    return made


def arrival(root):
    rows = library.setups(root).filter(~pl.col("is_placebo"), pl.col("date") == DAYS[-1])
    named = rows.filter(pl.col("level_kind") != "CUSTOM").with_columns(pl.col("known_ts").cast(pl.Int64))
    return named.row(0, named=True)


def by_hand(rows, spec, day):
    """Where setups stand, by the definitions: medians and deviations of the past, then its singular vectors."""
    raw = rows.select(pl.col(slot).cast(pl.Float32) for slot in spec.slots).cast(pl.Float64).to_numpy()
    past = ((rows["date"] < day) & ~rows["is_placebo"]).to_numpy()
    middle = np.nanmedian(raw[past], axis=0)
    spread = 1.4826 * np.nanmedian(np.abs(raw[past] - middle), axis=0)
    near = (raw - middle) / np.maximum(spread, 0.5 * np.nanstd(raw[past], axis=0))
    if spec.components is None:
        return near
    whole = np.clip(np.nan_to_num(near), -5, 5)
    axes = np.linalg.svd(whole[past] - whole[past].mean(axis=0), full_matrices=False)[2][: spec.components]
    return np.where(np.isfinite(raw).mean(axis=1, keepdims=True) >= 0.7, whole @ axes.T, np.nan)


@pytest.mark.parametrize("name", ["thirds", "pca"])
def test_an_answer_by_summaries_is_that_of_a_loop_and_of_plain_sql(root, name) -> None:
    setup, spec = arrival(root), vectors.spec(name)
    card = similar.ask(root, setup["level_kind"], setup["known_ts"], k=5, spec=name)
    rows = library.setups(root, spec.slots)
    place = dict(zip(rows["setup_id"].to_list(), by_hand(rows, spec, DAYS[-1]), strict=True))
    assert len(card.neighbours) >= 2
    for near in card.neighbours:
        gaps = [float(a - b) for a, b in zip(place[near["setup_id"]], place[setup["setup_id"]], strict=True)]
        known = [gap for gap in gaps if not math.isnan(gap)]
        want = math.sqrt(sum(gap**2 for gap in known) * len(gaps) / len(known))
        assert near["distance"] == pytest.approx(want, rel=1e-5)
        assert {one["feature"] for one in near["far"]} <= set(spec.compared)
    with database.connect(root) as con:
        told = con.sql(f"FROM nearest('{setup['setup_id']}', k := 5, vector_spec := '{name}')").pl()
        asked = f"'{setup['level_kind']}', make_timestamp_ns({setup['known_ts']})"
        near = con.sql(f"FROM similar({asked}, k := 5, vector_spec := '{name}')").pl()
        odds = con.sql(f"SELECT p FROM odds({asked}, vector_spec := '{name}')").pl()
    assert told["setup_id"].to_list() == [near["setup_id"] for near in card.neighbours]
    assert told["distance"].to_list() == pytest.approx(
        [near["distance"] for near in card.neighbours], rel=1e-5
    )
    assert near["distance"].to_list() == [one["distance"] for one in card.neighbours]
    all_of_them = similar.ask(root, setup["level_kind"], setup["known_ts"], spec=name).outcomes
    assert odds["p"].to_list() == [one.p for each in all_of_them.values() for one in each.values()]


def test_a_spec_without_graph_or_scaler_is_refused_in_one_line(root) -> None:
    setup = arrival(root)
    with pytest.raises(
        QuestionError, match=r"^there is a graph of snapshot30r alone: ask pca with --index exact$"
    ):
        similar.ask(root, setup["level_kind"], setup["known_ts"], spec="pca", index="hnsw")
    with pytest.raises(
        MissingStepError, match=r"^there is no scaler of mean for SIM: run `warehouse build` again$"
    ):
        similar.ask(root, setup["level_kind"], setup["known_ts"], spec="mean")
    with pytest.raises(QuestionError, match=r"^there is no vector spec `third`: did you mean thirds\?$"):
        similar.ask(root, setup["level_kind"], setup["known_ts"], spec="third")


def test_the_days_own_change_leaves_its_axes(tmp_path) -> None:
    gold.root(tmp_path, 4, 12)
    path = tmp_path / f"gold/scalers/product=SIM/date={DAYS[3]}/part.parquet"
    before = pl.read_parquet(path)
    gold.gold(tmp_path, DAYS[3], gold.setups(DAYS[3], 12, seed=9))
    gold.scalers(tmp_path, DAYS[:4])
    assert pl.read_parquet(path).equals(before)
