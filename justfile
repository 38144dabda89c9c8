# list recipes
default:
    @just --list

# everything that lands a change
check: lint test

lint:
    uv run ruff format --check .
    uv run ruff check .
    uv run mypy

test *args:
    uv run pytest {{ args }}

# write the generated pages
docs:
    uv run warehouse features --write docs

# how well the event pass agrees with order-level truth: the tables of docs/order_flow.md
agreement:
    uv run python tests/agreement.py

# what follows arrivals in every simulated world: the tables of docs/simulator.md and the oracle's shares
calibration:
    uv run python -m warehouse.simulate.calibration

# what a built warehouse shows of simulated worlds: a table of docs/simulator.md
placebo:
    uv run python tests/placebo.py

# speed and memory as ratios, whole processes in turn, median of five pairs
bench *args:
    uv run python -m tests.bench {{ args }}
    uv run python -m tests.bench_index

# how fast a question is, and what the graph finds of 100,000 vectors
bench-index *args:
    uv run python -m tests.bench_index {{ args }}

# the same of a million
bench-million:
    uv run python -m tests.bench_index --vectors 1000000

# four worlds simulated, built and evaluated: the tables of docs/does_it_work.md (half an hour on two cores)
worlds folder *args:
    uv run python -m warehouse.simulate.proof {{ folder }} {{ args }}

# the same, small: one world of 22 sessions at a fiftieth of the rate, to see that everything runs
worlds-small folder:
    uv run python -m warehouse.simulate.proof {{ folder }} --worlds planted --sessions 22 --rate-scale 0.02
