"""The shape of the package: imports only fall, files and functions stay small, importing it stays light."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "jaxsched"
# Each part may import those before it in this list; CONTRIBUTING.md says the same.
LAYERS = [
    "_version",
    "_output",
    "_extras",
    "_layout",
    "_parameters",
    "_units",
    "_names",
    "_results",
    "models",
    "simulation",
    "scenarios",
    "problem",
    "_schedule",
    "_devices",
    "_map_slots",
    "_blas",
    "solvers",
    "gradients",
    "_feasibility",
    "_solve",
    "study",
    "calibrate",
    "sensitivity",
    "config",
    "report",
    "cli",
]
MOST_FILE_LINES, MOST_FUNCTION_LINES = 400, 60

FILES = sorted(path for folder in ("jaxsched", "benchmarks", "scripts") for path in (ROOT / folder).rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def layer_of(path: Path) -> str:
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def imported_layers(path: Path) -> set[str]:
    """Parts of the package that a file imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.module is not None:
            names = [node.module]
        found |= {name.split(".")[1] for name in names if name.startswith("jaxsched.")}
    return found


@pytest.mark.parametrize("path", [p for p in FILES if PACKAGE in p.parents], ids=name_of)
def test_imports_only_fall(path):
    layer = layer_of(path)
    if layer in ("__init__", "__main__"):
        return
    rank = LAYERS.index(layer)
    above = [name for name in imported_layers(path) if name != layer and LAYERS.index(name) > rank]
    assert not above


def test_the_layers_are_those_of_the_package():
    assert {layer_of(path) for path in PACKAGE.rglob("*.py")} - {"__init__", "__main__"} == set(LAYERS)


@pytest.mark.parametrize("path", FILES + TESTS, ids=name_of)
def test_files_are_short(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MOST_FILE_LINES


@pytest.mark.parametrize("path", FILES + TESTS, ids=name_of)
def test_functions_are_short(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef):
            documented = ast.get_docstring(node) is not None
            first = node.body[1 if documented and len(node.body) > 1 else 0].lineno
            assert node.end_lineno is not None
            assert node.end_lineno - first + 1 <= MOST_FUNCTION_LINES, node.name


def test_no_file_is_called_utils():
    assert not [path for path in FILES if path.stem.strip("_") in ("utils", "util", "helpers", "misc", "common")]


def test_importing_the_core_loads_neither_tables_nor_plots_nor_terminal():
    heavy = ("typer", "rich", "matplotlib", "pydantic", "pandas", "pyarrow", "pyproj")
    code = f"import sys; from jaxsched import *; print([m for m in {heavy!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_command_line_starts_and_writes_without_loading_jax():
    heavy = ("jax", "numpy", "pandas", "typer")
    code = f"import sys, jaxsched.cli, jaxsched._output; print([m for m in {heavy!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_name_of_the_package_is_found_when_it_is_first_used():
    import jaxsched

    assert all(getattr(jaxsched, name) is not None for name in jaxsched.__all__)
    assert set(jaxsched.__all__) <= set(dir(jaxsched))
    with pytest.raises(AttributeError, match="has no attribute 'solv'"):
        _ = jaxsched.solv


def test_one_loop_iterates():
    loops = {}
    for path in PACKAGE.rglob("*.py"):
        count = path.read_text(encoding="utf-8").count("while_loop(")
        if count:
            loops[name_of(path)] = count
    # The iteration, the scalar root inside one site step, and for kinked costs the halving of a step and the start anew.
    assert loops == {"jaxsched/_solve.py": 1, "jaxsched/solvers/_kinks.py": 2, "jaxsched/solvers/_proximal_step.py": 1}


def test_the_version_is_the_installed_one():
    import importlib.metadata

    import jaxsched

    assert importlib.metadata.version("jaxsched") == jaxsched.__version__


def test_every_runtime_dependency_is_imported_and_explained():
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    names = [requirement.split(">")[0] for requirement in project["dependencies"]]
    source = "\n".join(path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py"))
    log = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    by_need = {"tzdata": "tz_convert", "pyarrow": "parquet"}  # used by pandas
    for name in names:
        assert name in log, name
        assert by_need.get(name, f"import {name}") in source or f"from {name}" in source, name


def test_derivatives_and_sensitivity_know_nothing_private_of_the_solvers():
    for path in [*(PACKAGE / "gradients").glob("*.py"), *(PACKAGE / "sensitivity").glob("*.py")]:
        assert not re.findall(r"jaxsched\.solvers\._\w+", path.read_text(encoding="utf-8")), path
