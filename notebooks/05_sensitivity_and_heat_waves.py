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
# A hot day is forecast to be hotter still. What does each further degree cost, at which sites and hours, and does the answer
# still hold when the heat wave is eight degrees?

# %%
import jax
import matplotlib.pyplot as plt
import numpy as np

from jaxsched.scenarios import australia
from jaxsched.sensitivity import heat_waves, local, solve_cases
from jaxsched.study import build

jax.config.update("jax_enable_x64", True)

# %% [markdown]
# A summer's day at sixteen sites, hour by hour, from midnight to midnight by NEM time.

# %%
study = build(australia(sites=16, origins=24, slots=24, start="2024-01-15T14:00"))
found = local(study)
degree = found.warming()  # AUD per degree [slot, site]
print(f"certified gap {float(found.schedule.gap):.0e}; a degree everywhere costs {degree.sum():.2f} AUD of {found.values[0]:,.0f}")

# %% [markdown]
# The derivative is exact for a small change, with the schedule following. For a large one there are the scenarios: heat waves
# of 1 to 8 degrees in one state at a time, each solved and certified.

# %%
cases = heat_waves(study, regions=["NSW", "VIC", "QLD", "everywhere"])
answers = solve_cases(study, cases, rtol=1e-5, base=found.schedule)
print(f"{len(cases)} scenarios, largest gap {answers.gap.max():.0e}, {(answers.iterations == 0).sum()} needed no iteration")

# %% [markdown]
# On the left, where and when a degree is dear. On the right, what a heat wave costs: circles are solved scenarios, dashed lines
# go on from the derivative. The hotter it is, the worse the chillers work, so that the truth rises above its tangent.

# %%
figure, (left, right) = plt.subplots(1, 2, figsize=(12, 4.8), layout="constrained")
sites = study.scenario.sites
order = np.lexsort((sites.index.to_numpy(str), sites["state"].to_numpy(str)))
image = left.imshow(degree[:, order].T, aspect="auto", cmap="inferno", extent=(0, 24, len(order) - 0.5, -0.5))
left.set_yticks(range(len(order)), [f"{sites.index[j]} ({sites['state'].iloc[j]})" for j in order], fontsize=8)
left.set(xlabel="hour of the day (UTC+10)", title="What a degree costs")
figure.colorbar(image, ax=left, label="AUD per degree in the hour")

# %%
for region, colour in (("everywhere", "#D55E00"), ("NSW", "#0072B2"), ("VIC", "#009E73"), ("QLD", "#CC79A7")):
    at = [n for n, case in enumerate(cases) if case.family == f"heat wave in {region}"]
    levels = np.array([cases[n].level for n in at])
    inside = np.ones(len(sites), bool) if region == "everywhere" else (sites["state"] == region).to_numpy()
    right.plot(levels, answers.objective[at] - found.values[0], "o", color=colour, label=region)
    right.plot([0, 8], [0, 8 * degree[:, inside].sum()], "--", color=colour, linewidth=1)
right.set(xlabel="warming [K]", ylabel="more than today [AUD a day]", title="What a heat wave costs")
right.legend(frameon=False)
figure
