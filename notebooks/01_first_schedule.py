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
# # A first schedule
#
# What does it cost to answer Australia's LLM requests for two hot summer days, and how far from the optimum is the
# answer? The scenario is embedded; nothing is downloaded.

# %%
import matplotlib.pyplot as plt
import numpy as np

import jaxsched
from jaxsched.scenarios import australia
from jaxsched.study import POLICIES, build_study, evaluate

# %% [markdown]
# A scenario holds tables of sites and origins and arrays of demand, weather, price and carbon. `build_study` turns it into a
# routing problem of plain arrays.

# %%
scenario = australia(slots=48, start="2024-01-15")
study = build_study(scenario)
study.problem.shape  # slots, origins, sites, classes

# %% [markdown]
# Every schedule is feasible and carries a proved lower bound: no routing of this problem costs less than `bound`.

# %%
schedule = jaxsched.solve(study.problem, jaxsched.ADMM(rtol=1e-3))
schedule

# %% [markdown]
# The same models say what any routing does. Here the optimum against sending each request to the nearest site with room.

# %%
best = evaluate(study, np.asarray(schedule.routing))
near = evaluate(study, np.asarray(POLICIES["nearest"](study, jaxsched.ADMM()).routing))
for key in ("cooling_energy_mwh", "energy_cost_aud", "carbon_t", "water_kl", "mean_ttft_ms", "total_cost_aud"):
    print(f"{key:20s} {best.totals[key]:12,.1f} {near.totals[key]:12,.1f}  saved {1 - best.totals[key] / near.totals[key]:6.1%}")

# %% [markdown]
# The price of load is what one more busy GPU-hour would cost at a site. It follows the heat and the market.

# %%
figure, axes = plt.subplots(figsize=(9, 3.5), layout="constrained")
local = scenario.times.tz_convert("Australia/Brisbane").tz_localize(None)
for state, colour in (("QLD", "#D55E00"), ("VIC", "#0072B2"), ("TAS", "#009E73")):
    at = (scenario.sites["state"] == state).to_numpy()
    axes.plot(local, np.asarray(schedule.prices)[:, at].mean(1), color=colour, label=state)
axes.set(xlabel="NEM time (UTC+10)", ylabel="price of load [AUD per busy GPU-hour]", title="Price of load by state")
axes.legend(frameon=False)
figure.autofmt_xdate()
