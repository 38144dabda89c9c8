import threading

import polars as pl

from warehouse.plan.queries import Queries


def test_a_query_is_planned_once_for_frames_of_the_same_columns_and_reads_each() -> None:
    planned = []

    def made(given, more):
        planned.append(more)
        return given["a"].join(given["b"], how="cross").select(pl.col("x") + pl.col("y") + more)

    queries = Queries()
    one, two = (pl.DataFrame({"y": each}) for each in ([10, 20], [30]))
    for x in (1, 2):
        a = pl.DataFrame({"x": [x]})
        assert queries.run(made, {"a": a, "b": one}, 100)["x"].to_list() == [x + 110, x + 120]
        assert queries.run(made, {"a": a, "b": two}, 100)["x"].to_list() == [x + 130]
    assert planned == [100]
    assert queries.run(made, {"a": a, "b": two.cast(pl.Float64)}, 100)["x"].to_list() == [132.0]
    assert queries.run(made, {"a": a, "b": two}, 7)["x"].to_list() == [39]
    assert planned == [100, 100, 7]


def test_threads_that_ask_at_once_get_each_their_own() -> None:
    queries, found = Queries(), {}

    def made(given):
        return given["a"].select(pl.col("x").sum())

    def ask(n):
        mine = [queries.run(made, {"a": pl.DataFrame({"x": [n] * 1000})}).item() for _ in range(50)]
        found[n] = set(mine)

    asking = [threading.Thread(target=ask, args=[n]) for n in range(4)]
    for each in asking:
        each.start()
    for each in asking:
        each.join()
    assert found == {n: {1000 * n} for n in range(4)}
