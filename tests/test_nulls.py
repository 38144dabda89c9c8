"""Why a value of a frame is null, on frames written by hand."""

import pytest

from warehouse import nulls, pressure

FAR, NEAR = pressure.BANDS.values()
SEEN = {FAR: 1.0, NEAR: 1.0, "clear": None}


def why(path, seq=1000, sigma_60=2.0, d=1, **told):
    """The reason of one null, on bars that lie far behind the first and all seen."""
    row = {**SEEN, **told}
    row[FAR], row[NEAR] = told.get("far", 1.0), told.get("near", 1.0)
    shown = pressure.frame({}, "UP", 5.0)
    shown["cube"]["cov"][3:6] = [0.4, 0.5, 1.0]
    shown["cube"]["rest"][5] = 0.1
    frame = {**shown, "L": 5.0, "d": d, "seq": seq, "sigma_60": sigma_60, "x_pts": 0.5, "x_sig": None}
    return nulls.reasons(frame, row)[path]


@pytest.mark.parametrize(
    ("path", "reason", "told"),
    [
        ("kin.vel_1", "reset", {"clear": 12}), ("kin.vel_1", "not_visible", {"clear": 13}), ("kin.vel_1", "warmup", {"seq": 11}),
        ("kin.vel_1", "warmup", {"sigma_60": None}), ("kin.trend_5", "not_visible", {"sigma_60": None}),
        ("ofi.b300", "reset", {"clear": 59}), ("ofi.b300", "not_visible", {"clear": 60}), ("ofi.b30", "warmup", {"seq": 4}),
        ("cube.rest[3]", "not_visible", {}), ("cube.rest[4]", "no_profile", {}), ("cube.flow[0]", "not_visible", {}),
        ("retreat.far", "empty_band", {}), ("retreat.far", "not_visible", {"far": 0.4}), ("retreat.far", "empty_band", {"far": None}),
        ("retreat.far", "empty_band", {"near": 0.1}), ("retreat.near", "not_visible", {"near": 0.1}), ("retreat.far", "reset", {"clear": 0}),
        ("cond[1]", "not_visible", {"far": 0.4}), ("cond[2]", "not_visible", {"near": 0.4}), ("cond[2]", "empty_band", {"far": 0.4}),
        ("quad.break", "not_visible", {"near": 0.4}), ("opppress", "no_profile", {}), ("opppress", "not_visible", {"far": 0.2}),
        ("barrier.rel", "no_profile", {"near": 0.2}), ("barrier.state", "not_visible", {"far": 0.2}), ("barrier.dlog_1", "reset", {"clear": 3}),
        ("absorb", "no_profile", {}), ("absorb", "warmup", {"seq": 0}), ("rvol", "no_profile", {"clear": 0}),
        ("candle.body", "warmup", {"sigma_60": None}), ("candle.body", "not_applicable", {}), ("candle.wick", "not_applicable", {"sigma_60": None}),
        ("story", "no_profile", {}), ("x_sig", "not_applicable", {}), ("x_sig", "warmup", {"sigma_60": None}),
        ("kin.vel_1", "not_applicable", {"d": None, "clear": 1}), ("d", "not_applicable", {"d": None}), ("sigma_60", "warmup", {"sigma_60": None, "d": None}),
    ],
)  # fmt: skip
def test_a_null_says_why(path, reason, told) -> None:
    assert why(path, **told) == reason
    assert reason in nulls.REASONS


def test_what_is_known_has_no_reason() -> None:
    shown = pressure.frame({}, "UP", 5.0) | {"L": 5.0, "d": 1, "seq": 9, "sigma_60": 2.0, "rvol": 0.0}
    assert "rvol" not in nulls.reasons(shown, SEEN) and "cube.px[0]" not in nulls.reasons(shown, SEEN)
