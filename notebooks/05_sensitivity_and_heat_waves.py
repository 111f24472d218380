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
# # What a heat wave costs, and where
#
# A hot day is forecast to be hotter still. What does a further degree cost at each site, and does the answer still hold when
# the heat wave is eight degrees?

# %%
import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np

import jaxsched
from jaxsched.scenarios import australia
from jaxsched.sensitivity import Perturbation, heat_waves, perturbed, solve_cases
from jaxsched.study import build_study, build_problem

jax.config.update("jax_enable_x64", True)

# %% [markdown]
# The hottest half of a summer's day at all sites. A `Perturbation` changes the world in a few numbers; here it warms every site by so
# much of its own. The cost of the optimal schedule has its derivative by the envelope theorem, without another solve.
# (`jaxsched.sensitivity.local_sensitivity` does this for every input and every output.)

# %%
study = build_study(australia(slots=6, start="2024-01-15T01:00"))
schedule = jaxsched.solve(study.problem, jaxsched.ADMM(rtol=1e-5, max_steps=4000))
inputs, sites = study.inputs, study.scenario.sites


@jax.jit
@jax.grad
def degree(warming):  # [site] K -> AUD per K
    return jaxsched.optimal_cost(build_problem(study, perturbed(study, inputs, Perturbation(warming=warming))), schedule)


price = np.asarray(degree(jnp.zeros(len(sites))))
print(f"a degree everywhere costs {price.sum():.2f} AUD of {float(schedule.objective):,.0f} in these six hours")

# %% [markdown]
# The derivative is for a small change. For a large one there are the scenarios: heat waves of 1 to 8 degrees, in one state at a
# time and everywhere, each certified.

# %%
regions = {"everywhere": "#D55E00", "NSW": "#0072B2", "VIC": "#009E73", "QLD": "#CC79A7"}
answers = solve_cases(study, heat_waves(study, regions=list(regions)), rtol=1e-4, base=schedule)
print(f"{len(answers.cases)} scenarios, largest gap {answers.gap.max():.0e}")
print(f"{(answers.iterations == 0).sum()} were answered from their neighbours")

# %% [markdown]
# On the left, where a degree is dear: at large sites that cool with outside air while they can. On the right, what a heat wave costs: dots are
# solved scenarios, dashed lines go on from the derivative. Where the two part, the models leave their straight line.

# %%
figure, (left, right) = plt.subplots(1, 2, figsize=(12, 5), layout="constrained")
top = np.argsort(-price)[:15]
left.barh(range(len(top)), price[top], color="#E69F00")
left.set_yticks(
    range(len(top)), [f"{sites.index[j]} ({sites['state'].iloc[j]}, {sites['plant'].iloc[j]})" for j in top]
)
left.invert_yaxis()
left.set(xlabel="AUD per degree in six hours", title="What a degree costs: the fifteen dearest sites")
for region, colour in regions.items():
    at = [n for n, case in enumerate(answers.cases) if case.family == f"heat wave in {region}"]
    inside = (sites["state"] == region).to_numpy() | (region == "everywhere")
    more = answers.values[at, 0] - answers.base_values[0]
    right.plot([answers.cases[n].level for n in at], more, "o", color=colour, label=region)
    right.plot([0, 8], [0, 8 * price[inside].sum()], "--", color=colour, linewidth=1)
right.set(xlabel="warming [K]", ylabel="more than now [AUD in six hours]", title="What a heat wave costs")
right.legend(frameon=False)
figure
