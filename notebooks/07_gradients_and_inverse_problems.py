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
from jaxsched.sensitivity import Perturbation, perturbed
from jaxsched.study import build_study, build_problem

jax.config.update("jax_enable_x64", True)

# %% [markdown]
# The operator: six sites through four hours of a summer's day, a tonne at 160 AUD, and direct-expansion chillers that draw a
# fifth more than ours. We know neither and start from the default price and the chiller of the catalogue.

# %%
study = build_study(australia(sites=6, origins=8, slots=4, start="2024-01-15T00:00"))
inputs, problem = study.inputs, partial(build_problem, study)


def hidden(inputs):
    return [inputs.site_model.weights.carbon, inputs.site_model.plants.plants[0].cooling.chiller.reference_ratio]


truth = [160.0, 1.2 * float(hidden(inputs)[1])]
solver = jaxsched.InteriorPoint(rtol=1e-10)
operator = eqx.tree_at(hidden, inputs, [jnp.asarray(value) for value in truth])
load = np.asarray(jaxsched.solve(problem(operator), solver).load)

# %% [markdown]
# `fit_schedules` solves the problem at each step of Levenberg-Marquardt and follows the derivative of its solution. The meters
# err by 0.05 to 1 % of the spread of the loads; each size of error is drawn six times.

# %%
names = ["site_model.weights.carbon", "site_model.plants.DirectExpansion.cooling.chiller.reference_ratio"]
noise, draws = np.array([0.0005, 0.002, 0.01]), 6
random = np.random.default_rng(5)
fits = [
    [
        fit_schedules(
            inputs,
            problem,
            load + share * load.std() * random.normal(size=load.shape),
            parameters=names,
            solver=solver,
        )
        for _ in range(draws)
    ]
    for share in noise
]
print(fits[1][0])

# %% [markdown]
# The same derivatives the other way: what a degree costs at each site, by the envelope theorem, and by solving anew with that
# site a hundredth of a degree warmer and cooler.

# %%
sites, base = study.scenario.sites, jaxsched.solve(study.problem, solver)


def warmed(warming):  # [site] K
    return build_problem(study, perturbed(study, inputs, Perturbation(warming=warming)))


price = np.asarray(jax.jit(jax.grad(lambda w: jaxsched.optimal_cost(warmed(w), base)))(jnp.zeros(len(sites))))
step = 0.01 * np.eye(len(sites))
cost = [[float(jaxsched.solve(warmed(jnp.asarray(s * d)), solver).objective) for s in (-1, 1)] for d in step]
differences = np.diff(cost)[:, 0] / 0.02
print(f"largest disagreement {np.abs(price - differences).max():.1e} AUD/K of {np.abs(price).max():.2f}")

# %% [markdown]
# Left: recovered prices (dots), and the 95 % interval that the first fit of each size of error gives itself. Right: the derivative
# (bars) under the differences of re-solves (dots).

# %%
figure, (left, right) = plt.subplots(1, 2, figsize=(12, 4.6), layout="constrained")
found = np.array([[fit.parameters.loc[names[0], ["estimate", "standard_error"]].to_numpy(float) for fit in row] for row in fits])
left.plot(np.repeat(100 * noise, draws), found[:, :, 0].ravel(), "o", color="#56B4E9", markersize=4, label="recovered, six draws")
left.errorbar(
    95 * noise, found[:, 0, 0], 1.96 * found[:, 0, 1], fmt="o", color="#0072B2", capsize=3, label="first draw, 95 % interval"
)
left.axhline(truth[0], color="black", linewidth=1, label="the operator's")
left.axhline(float(hidden(inputs)[0]), color="#999999", linestyle=":", label="start")
left.set(xscale="log", xlabel="error of the meters [% of the spread of loads]", ylabel="carbon price [AUD/t]")
left.set_title("What the loads of four hours say about the price of carbon")
left.legend(frameon=False, loc="center left")
right.barh(range(len(sites)), price, color="#E69F00", label="derivative")
right.plot(differences, range(len(sites)), "o", color="black", label="differences of re-solves")
right.set_yticks(range(len(sites)), [f"{name} ({row.state})" for name, row in sites.iterrows()])
right.set(xlabel="AUD per degree in four hours", title="What a degree costs at each site")
right.legend(frameon=False, loc="upper right")
figure
