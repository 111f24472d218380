"""README, notebooks and examples are run, so that they cannot rot."""

import json
import pydoc
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner

from benchmarks.table import fill
from jaxsched.cli._app import app
from jaxsched.config import CalibrationConfig, Config, LatencyConfig

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
GUIDES = sorted((ROOT / "docs").glob("*.md"))
TEXTS = [README, *(path.read_text(encoding="utf-8") for path in GUIDES)]
BLOCKS = [block for text in TEXTS for block in re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.py"))
EXAMPLES = sorted((ROOT / "examples").glob("*.toml"))
# Configurations on real data, which is not part of the repository.
STUDIES = sorted((ROOT / "benchmarks" / "studies").glob("*.toml"))
MOST_CELLS, MOST_CELL_LINES = 12, 20


def run_python(code: str, folder: Path) -> str:
    """Run code as a user would: in a fresh interpreter, away from the checkout; return what it printed."""
    prelude = "import matplotlib; matplotlib.use('agg')\n"
    done = subprocess.run(
        [sys.executable, "-c", prelude + code], cwd=folder, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def test_there_are_blocks_notebooks_and_examples():
    assert len(BLOCKS) >= 2
    assert NOTEBOOKS
    assert len(EXAMPLES) >= 2


@pytest.mark.parametrize("block", BLOCKS, ids=[f"block {n}" for n in range(len(BLOCKS))])
def test_the_python_of_the_readme_and_the_guides_runs(block, tmp_path):
    assert run_python(block, tmp_path).strip()


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_notebooks_run_and_stay_short(path, tmp_path):
    text = path.read_text(encoding="utf-8")
    cells = [cell for cell in re.split(r"^# %%", text, flags=re.MULTILINE)[1:] if not cell.startswith(" [markdown]")]
    assert len(cells) <= MOST_CELLS
    assert all(len(cell.strip().splitlines()) <= MOST_CELL_LINES for cell in cells)
    assert not re.search(r"jaxsched\.(\w+\.)*_[a-z]", text), "public API only"
    run_python(text, tmp_path)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_notebooks_open_as_notebooks(path):
    import jupytext

    notebook = jupytext.read(path)
    assert notebook.metadata["kernelspec"]["language"] == "python"
    assert notebook.cells[0].cell_type == "markdown"


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.stem)
def test_examples_are_valid(path):
    done = CliRunner().invoke(app, ["validate", str(path)])
    assert done.exit_code == 0, done.stderr
    assert "good" in done.stdout


@pytest.mark.parametrize("name", ["nem-sample", "own-demand"])
def test_examples_of_a_bare_clone_run(name, tmp_path):
    path, out = ROOT / "examples" / f"{name}.toml", tmp_path / "run"
    policies = ["--policy", "temperature_aware", "--policy", "nearest"]
    done = CliRunner().invoke(app, ["run", str(path), "--out", str(out), *policies, "--json"])
    assert done.exit_code == 0, done.stderr
    assert json.loads((out / "summary.json").read_text())["certified_gap"] <= 1.01e-4


def test_the_example_of_a_chiller_fits_the_plant_that_its_sample_was_made_with(tmp_path):
    text = (ROOT / "examples" / "calibrate-chiller.toml").read_text(encoding="utf-8")
    quick = text.replace("sample/", f"{ROOT}/examples/sample/") + "bootstrap = 0\nstarts = 2\n[report]\nplots = false\n"
    (tmp_path / "chiller.toml").write_text(quick, encoding="utf-8")
    done = CliRunner().invoke(
        app, ["calibrate", str(tmp_path / "chiller.toml"), "--out", str(tmp_path / "fit"), "--json"]
    )
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout)["heldout"]["cv_rmse"] < 0.04


def test_the_sample_of_the_examples_is_what_its_script_writes(tmp_path):
    sample = ROOT / "examples" / "sample"
    subprocess.run([sys.executable, ROOT / "scripts" / "synthetic_samples.py", "--out", tmp_path], check=True)
    written = {path.relative_to(tmp_path): path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    for name, body in written.items():
        assert (sample / name).read_bytes() == body, name
    assert sum(path.stat().st_size for path in sample.rglob("*") if path.is_file()) < 500_000


@pytest.mark.parametrize("path", STUDIES, ids=lambda p: p.stem)
def test_studies_of_real_data_are_valid(path, shared_data):
    done = CliRunner().invoke(app, ["validate", str(path)])
    assert done.exit_code == 0, done.stderr
    assert "good" in done.stdout


def test_the_readme_names_the_two_commands_that_exist():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in ("run", "test"):
        assert f"make {target} " in README
        assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE)


def test_contributing_is_short_and_lists_the_layers():
    from tests.test_architecture import LAYERS

    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 45
    for layer in LAYERS:
        assert layer.strip("_") in text, layer


def test_the_glossary_names_each_term_once_and_things_that_exist():
    text = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([^|]+) \| [^|]+ \| `(jaxsched[\w.]*)` \|$", text, flags=re.MULTILINE)
    terms = [term for term, _ in rows]
    assert len(terms) > 50
    assert len(set(terms)) == len(terms)
    for _, where in rows:
        assert pydoc.locate(where) is not None, where


@pytest.mark.parametrize("path", GUIDES, ids=lambda p: p.stem)
def test_guides_show_the_files_and_tables_that_are_here(path):
    text = path.read_text(encoding="utf-8")
    assert fill(text) == text, f"run python -m benchmarks.table --write {path.relative_to(ROOT)}"


def test_the_toml_of_the_guides_is_a_configuration():
    for text in TEXTS:
        for block in re.findall(r"```toml\n(.*?)```", text, flags=re.DOTALL):
            table = tomllib.loads(block)
            kind = CalibrationConfig if "fit" in table else LatencyConfig if "log" in table else Config
            kind.model_validate(table)


@pytest.mark.parametrize(
    "name",
    ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "benchmarks/README.md", *(f"docs/{path.name}" for path in GUIDES)],
)
def test_links_to_files_lead_somewhere(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", text):
        assert ((ROOT / name).parent / target).exists(), target
