"""The direction of imports, who may touch which library, and what features and files may hold."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LAYERS = [  # a module imports from layers above its own line, or from its own line where that makes no circle
    {"errors", "seal"},
    {"units"},
    {"schema"},
    {"session", "wording", "naming"},
    {"declared", "inputs", "mirror", "selections", "sqlfile"},
    {"catalog", "frames", "pieces", "reasons"},
    {"plan", "contract", "reference"},
    {"dbn", "stream", "store", "pricelist"},
    {"ledger", "workers"},
    {"instruments", "bronze", "parts", "route", "survey", "land"},
    {"barrier", "flow", "levels", "moments", "profiles", "races"},
    {"spread", "vectors", "scales", "rarity", "filling", "library", "index", "scan"},
    {"snapshots", "sequences", "states", "summaries"},
    {
        "question",
        "bars",
        "pressure",
        "screen",
        "odds",
        "circles",
        "evidence",
        "trials",
        "values",
        "physics",
        "phases",
        "course",
        "replay",
        "nulls",
        "card",
        "sequel",
        "precedents",
        "past",
        "answer",
        "similar",
        "warm",
    },
    {"prospects", "render", "macros", "views", "pages", "casts", "functions", "database"},
    {
        "fingerprints",
        "run",
        "fronts",
        "request",
        "steps",
        "studies",
        "retrieval",
        "graph",
        "build",
        "forecast",
    },
    {"liveness", "status", "audit", "evaluate"},
    {"progress", "simulate"},
    {"demo"},
]
RANK = {name: rank for rank, layer in enumerate(LAYERS) for name in layer}
MODULES = sorted((ROOT / "warehouse").rglob("*.py"))
FEATURES = sorted((ROOT / "features").glob("*.py"))
ONLY = {
    "databento": {"dbn"},
    "databento_dbn": {"dbn"},
    "hnswlib": {"index"},
    "numba": {"simulate"},
    "sklearn": {"evaluate"},
}
LONG = {"schema": 620, "cli": 420}
"""Modules that may be longer: a declared column is a line, and every option of a command is one."""
TERMINAL = {"rich": {"render", "progress"}, "typer": set(), "cli": set()}


def name(path):
    """The module, or the package that it is part of."""
    return path.relative_to(ROOT / "warehouse").with_suffix("").parts[0]


def trees(path):
    return ast.walk(ast.parse(path.read_text()))


def imports(path):
    found = set()
    for node in trees(path):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def needs(module):
    """Other modules of the package that a module or package imports."""
    paths = [path for path in MODULES if name(path) == module]
    used = {word.split(".")[1] for path in paths for word in imports(path) if word.startswith("warehouse.")}
    return (used & {name(path) for path in MODULES}) - {module}


NAMES = sorted({name(path) for path in MODULES} - {"__init__"})


def test_every_module_has_its_layer():
    assert set(NAMES) <= RANK.keys(), "add the new module to LAYERS"
    assert set(NAMES) == RANK.keys(), "a module is gone: take it out of LAYERS"


@pytest.mark.parametrize("module", NAMES)
def test_imports_run_one_way(module):
    assert not {used for used in needs(module) if RANK[used] > RANK[module]}


def test_no_circles():
    waiting = {module: needs(module) for module in NAMES}
    while free := [module for module, used in waiting.items() if not used & waiting.keys()]:
        for module in free:
            del waiting[module]
    assert not waiting


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_libraries_stay_where_they_belong(path):
    used = {word.split(".")[0] for word in imports(path)}
    for library, homes in {**ONLY, **TERMINAL}.items():
        assert library not in used or name(path) in homes, f"{library} in {path.name}"
    assert "pandas" not in used


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_the_engine_knows_no_feature(path):
    named = [word for word in imports(path) if word.split(".")[0] == "features"]
    assert {word for word in named if word != "features.CATALOG"} == set()


@pytest.mark.parametrize("path", FEATURES, ids=lambda path: path.stem)
def test_features_are_expressions_only(path):
    used = imports(path)
    assert {word.split(".")[0] for word in used} <= {
        "__future__", "collections", "functools", "importlib", "math", "operator", "pkgutil", "polars", "typing", "warehouse", "features",
    }  # fmt: skip
    ours = {word.split(".")[1] for word in used if word.startswith("warehouse.")}
    assert ours <= {"catalog", "schema", "units", "inputs"}
    calls = {
        node.func.attr
        for node in trees(path)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    }
    assert not calls & {
        "collect", "map_elements", "map_batches", "map_groups", "to_numpy", "to_list", "over",
        "read_parquet", "scan_parquet", "open", "read_text",
    }  # fmt: skip


@pytest.mark.parametrize("path", [*MODULES, *FEATURES, ROOT / "cli.py"], ids=lambda path: path.stem)
def test_habits(path):
    text = path.read_text()
    assert not re.search(r"\bmap_elements\b|\bmap_rows\b|except Exception|except:", text)
    assert len(text.splitlines()) <= LONG.get(path.stem, 250)


def test_only_the_simulator_knows_its_truth():
    """The answer to every question lies beside the simulated files: nothing that computes may read it."""
    readers = [path for path in [*MODULES, *FEATURES] if "truth.parquet" in path.read_text()]
    assert {name(path) if "warehouse" in path.parts else "features" for path in readers} <= {"simulate"}
    assert not any("truth" in path.read_text() for path in FEATURES)


def test_the_lock_names_the_public_index_alone():
    hosts = set(re.findall(r"https?://([^/\"\s]+)", (ROOT / "uv.lock").read_text()))
    assert hosts <= {"pypi.org", "files.pythonhosted.org"}
