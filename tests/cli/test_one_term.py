"""A term of the objective is one row of one file: a copy of the package with a further row has it everywhere."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import jaxsched
from tests.small import IN_JANUARY

# Rejected heat: each kWh at the meter counts as much as the district makes of it.
TOY = """    Term(
        name="heat", total="heat_gj", unit="GJ", colour="#CC79A7", amount="mj",
        worth=Worth("GJ", "heat_aud_per_gj", "AUD/GJ", "Price of rejected heat", default=0.0),
        signal=Signal("heat_ratio", "MJ/kWh", (0.0, 10.0), "Heat that a kWh rejects", constant=3.6),
        per_energy=lambda site, conditions: conditions.heat_ratio,
    ),
)  # fmt: skip
\"\"\"All terms"""
END = ')  # fmt: skip\n"""All terms'
# What runs inside of the copy.
SENSITIVITY = """
import json, sys, numpy as np
from jaxsched.config import build_scenario, load_config
from jaxsched.models import TERMS
from jaxsched.report import SensitivityParts, sensitivity_summary
from jaxsched.report._sensitivity_plots import draw_sensitivity
from jaxsched.report._sensitivity_tables import sensitivity_frames
from jaxsched.sensitivity import AIMS, DEFAULT_RANGES, OUTPUTS, Case, Perturbation, frontier, limits
from jaxsched.sensitivity import local_sensitivity, prepare
from jaxsched.study import build_study
from pathlib import Path
assert [term.name for term in TERMS][-1] == "heat"
study = build_study(build_scenario(load_config(Path("toy.toml")), Path(".")), dtype=np.float64)
found = local_sensitivity(study)
swept = frontier(study, factors=(1.0, 4.0), rtol=1e-4)
kept = limits(study, swept, shares=(0.5,), rtol=1e-4)
parts = SensitivityParts(local=found, frontier=swept, limits=kept, currency="AUD")
frames = sensitivity_frames(parts)
json.dumps(sensitivity_summary("toy", parts, {}))
solver = prepare(study, rtol=1e-6)
dear = solver([Case("heat", "dear heat", 1.0, "times", Perturbation(heat_price=np.asarray(20.0)))])
print(json.dumps({
    "outputs": list(OUTPUTS), "aims": list(AIMS), "ranges": [one.name for one in DEFAULT_RANGES],
    "slope": float(found.gradients["total_cost_aud"].site_model.weights.heat),
    "heat": float(found.values[list(OUTPUTS).index("heat_gj")]),
    "base": solver.base_values.tolist(), "dear": dear.values[0].tolist(),
    "limits": [[one.aim, one.limit, one.reached, one.gap] for one in kept if one.aim == "heat_gj"],
    "names": frames["local"]["parameter"].tolist(), "families": frames["frontier"]["family"].tolist(),
    "prices": list(frames["site_prices"]), "plots": draw_sensitivity(parts, Path(".")),
}))
"""


@pytest.fixture(scope="module")
def toy(tmp_path_factory) -> Path:
    """A folder with a copy of the package whose list of terms has one row more."""
    folder = tmp_path_factory.mktemp("toy")
    package = Path(jaxsched.__file__).parent
    shutil.copytree(package, folder / "jaxsched", ignore=shutil.ignore_patterns("__pycache__"))
    path = folder / "jaxsched" / "models" / "terms.py"
    text = path.read_text(encoding="utf-8")
    assert text.count(END) == 1
    path.write_text(text.replace(END, TOY), encoding="utf-8")
    return folder


def run(folder: Path, *arguments: str) -> str:
    """What Python prints in the folder, whose copy of the package comes first."""
    environment = {**os.environ, "PYTHONPATH": str(folder), "JAX_ENABLE_X64": "1"}
    done = subprocess.run(
        [sys.executable, "-P", *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


def command(folder: Path, name: str, weights: str) -> dict:
    """Summary of `jaxsched run` with weights of the toy."""
    (folder / f"{name}.toml").write_text(IN_JANUARY + f"[weights]\n{weights}\n" + '[report]\npolicies = ["nearest"]\n')
    code = f"from jaxsched.cli._app import app; app(['run', '{name}.toml', '--out', '{name}', '--overwrite'])"
    printed = run(folder, "-c", code)
    assert "heat" in printed
    return json.loads((folder / name / "summary.json").read_text())


def test_a_term_of_the_list_runs_from_the_configuration_to_tables_and_plots(toy):
    summary = command(toy, "toy", "heat_aud_per_gj = 30.0")
    assert summary["weights"]["heat"]["unit"] == "AUD/GJ"
    for totals in summary["policies"].values():
        # 3.6 MJ a kWh are as many GJ as there are MWh times 3.6; a GJ is worth 30.
        np.testing.assert_allclose(totals["heat_gj"], 3.6 * totals["energy_mwh"], rtol=1e-12)
        np.testing.assert_allclose(totals["heat_cost_aud"], 30.0 * totals["heat_gj"], rtol=1e-12)
        costs = [totals[f"{name}_cost_aud"] for name in ("energy", "carbon", "water", "waiting", "heat")]
        np.testing.assert_allclose(totals["total_cost_aud"], sum(costs), rtol=1e-12)
    frame = pd.read_parquet(toy / "toy" / "sites.parquet")
    np.testing.assert_allclose(frame["heat_mj_per_h"], 3.6 * frame["facility_power_kw"], rtol=1e-12)
    hours = summary["slot_hours"]
    np.testing.assert_allclose(frame["heat_cost_aud"], hours * 30.0 * frame["heat_mj_per_h"] / 1000.0, rtol=1e-12)
    assert summary["certified_gap"] <= 1e-2
    assert (toy / "toy" / "policies.png").is_file()
    assert not summary["failed"]


def test_a_weight_of_zero_changes_nothing(toy):
    found, silent = command(toy, "zero", "heat_aud_per_gj = 0.0"), command(toy, "silent", "")
    code = "from jaxsched.cli._app import app; app(['run', 'plain.toml', '--out', 'plain'])"
    (toy / "plain.toml").write_text((toy / "silent.toml").read_text())
    run_of_the_package = subprocess.run(
        [sys.executable, "-c", code],
        cwd=toy,
        env={**os.environ, "PYTHONPATH": str(Path(jaxsched.__file__).parent.parent), "PYTHONSAFEPATH": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run_of_the_package.returncode == 0, run_of_the_package.stderr
    plain = json.loads((toy / "plain" / "summary.json").read_text())
    assert "heat_gj" not in plain["totals"]
    for name, value in plain["totals"].items():
        for other in (found, silent):
            assert other["totals"][name] == pytest.approx(value, rel=1e-6), name
    assert found["totals"]["heat_cost_aud"] == 0.0
    assert found["totals"]["heat_gj"] > 0.0


def test_a_term_of_the_list_has_derivatives_limits_shifts_and_plots(toy):
    (toy / "toy.toml").write_text(IN_JANUARY + "[weights]\nheat_aud_per_gj = 30.0\n")
    found = json.loads(run(toy, "-c", SENSITIVITY).splitlines()[-1])
    assert found["outputs"][-2:] == ["heat_gj", "energy_cost_aud"]
    assert found["aims"][-1] == "heat_gj"
    assert "heat_price" in found["ranges"]
    # By the envelope theorem, what a dollar more per GJ costs is the heat itself.
    assert found["slope"] == pytest.approx(found["heat"], rel=1e-4)
    # At twenty times the price the old schedule would cost nineteen times its heat more; the new one costs that at most.
    heat, cost = (found["outputs"].index(name) for name in ("heat_gj", "total_cost_aud"))
    rise, most = found["dear"][cost] - found["base"][cost], 19.0 * 30.0 * found["base"][heat]
    assert 0.9 * most < rise <= most * (1 + 1e-6)
    assert found["dear"][heat] <= found["base"][heat] * (1 + 1e-6)
    assert found["limits"]
    for aim, limit, reached, gap in found["limits"]:
        assert aim == "heat_gj"
        assert reached <= limit * (1 + 1e-9)
        assert gap <= 1e-3
    assert {"conditions.heat_ratio", "site_model.weights.heat"} <= set(found["names"])
    assert "heat" in found["families"]
    assert "mj_per_k" in found["prices"]
    assert {"tornado.png", "frontier.png"} <= set(found["plots"])
