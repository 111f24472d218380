# ---
# jupyter:
#   jupytext:
#     formats: py:percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # What carbon price does a routing reveal?
#
# An operator publishes how busy its sites are, not what it thinks a tonne of carbon is worth. Whoever can solve its problem can
# ask under which price, and which cooling, those loads are optimal. How exact must the meters be for an answer?

# %%
from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np

import jaxsched
from jaxsched.calibrate import fit_schedules
from jaxsched.scenarios import australia
from jaxsched.sensitivity import Shift, shifted
from jaxsched.study import build, inputs_of, pose

jax.config.update("jax_enable_x64", True)

# %% [markdown]
# The operator: six sites through six hours of a summer's day, a tonne at 160 AUD, and direct-expansion chillers that draw a
# fifth more than ours. We know neither and start from 79.2 AUD and the chiller of the catalogue.

# %%
study = build(australia(sites=6, origins=8, slots=6, start="2024-01-15T00:00"))
inputs, problem = inputs_of(study), partial(pose, study)


def hidden(inputs):
    return [inputs.site_model.weights.carbon, inputs.site_model.cooling.plants[0].chiller.reference_ratio]


truth = [160.0, 1.2 * float(hidden(inputs)[1])]
solver = jaxsched.InteriorPoint(rtol=1e-10)
operator = eqx.tree_at(hidden, inputs, [jnp.asarray(value) for value in truth])
load = np.asarray(jaxsched.solve(problem(operator), solver).load)

# %% [markdown]
# `fit_schedules` solves the problem at each step of Levenberg-Marquardt and follows the derivative of its solution. The meters
# err by 0.02 to 2 % of a site's load.

# %%
names = ["site_model.weights.carbon", "site_model.cooling.plants.0.chiller.reference_ratio"]
noise, random = np.array([0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02]), np.random.default_rng(5)
draw = random.normal(size=load.shape)
sigma = np.maximum(load, 0.01 * load.max())
fits = [
    fit_schedules(inputs, problem, load + share * sigma * draw, parameters=names, solver=solver, weights=sigma**-2)
    for share in noise
]
print(fits[3])

# %% [markdown]
# The same derivatives, forwards: what a degree costs at each site, by the envelope theorem and by solving anew with that site a
# hundredth of a degree warmer and cooler.

# %%
sites, base = study.scenario.sites, jaxsched.solve(study.problem, solver)


def warmed(warming):  # [site] K
    return pose(study, shifted(study, inputs, Shift(warming=warming)))


price = np.asarray(jax.jit(jax.grad(lambda w: jaxsched.optimal_cost(warmed(w), base)))(jnp.zeros(len(sites))))
step = 0.01 * np.eye(len(sites))
cost = [[float(jaxsched.solve(warmed(jnp.asarray(s * d)), solver).objective) for s in (1, -1)] for d in step]
differences = -np.diff(cost)[:, 0] / 0.02
print(f"largest disagreement {np.abs(price - differences).max():.1e} AUD/K of {np.abs(price).max():.2f}")

# %% [markdown]
# Left: the price with its 95 % interval. Right: the derivative (bars) under the differences of re-solves (dots).

# %%
figure, (left, right) = plt.subplots(1, 2, figsize=(12, 4.6), layout="constrained")
estimate = np.array([fit.parameters.loc[names[0], ["estimate", "standard_error"]].to_numpy(float) for fit in fits])
left.errorbar(
    100 * noise, estimate[:, 0], 1.96 * estimate[:, 1], fmt="o", color="#0072B2", capsize=3, label="recovered"
)
left.axhline(truth[0], color="black", linewidth=1, label="the operator's")
left.axhline(float(hidden(inputs)[0]), color="#999999", linestyle=":", label="start")
left.set(xscale="log", xlabel="error of the meters [% of load]", ylabel="carbon price [AUD/t]")
left.set_title("What the loads of six hours say about the price of carbon")
left.legend(frameon=False)
right.barh(range(len(sites)), price, color="#E69F00", label="derivative")
right.plot(differences, range(len(sites)), "o", color="black", label="differences of re-solves")
right.set_yticks(range(len(sites)), [f"{name} ({row.state})" for name, row in sites.iterrows()])
right.set(xlabel="AUD per degree in six hours", title="What a degree costs at each site")
right.legend(frameon=False)
figure
