"""How fast the distance to the level changes; `rates` has what is market-wide, `dynamics` the direction of travel."""

from features import changes
from features.approach import approach_dist_to_level_pts_eob
from warehouse.catalog import feature

SPANS = (3, 12, 36, 72)
"""Spans in bars."""

for span in SPANS:
    found = approach_dist_to_level_pts_eob
    told = changes.along(found, span)
    feature(name=f"deriv_dist_ls1_w{span}", parity="odd", **told)(changes.line(span))
    for order in changes.orders(span):
        told = changes.step(found, span)
        found = feature(name=f"deriv_dist_d{order}_w{span}", parity="odd", **told)(changes.per_bar(span))
