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
# # What a tonne less costs
#
# Carbon, water and waiting can all be bought down, each at the cost of the others. How far can they go, where is the knee, and
# what is the price of a limit?

# %%
import matplotlib.pyplot as plt
import numpy as np

import jaxsched
from jaxsched.scenarios import australia
from jaxsched.sensitivity import AIMS, frontier, least_cost_within
from jaxsched.study import build_study

# %% [markdown]
# `frontier` multiplies what carbon, water and waiting are worth, one at a time and together. Every point is an optimal
# schedule, certified like any other.

# %%
study = build_study(australia(sites=20, origins=24, slots=4, start="2024-01-15T00:00"), dtype=np.float32)
base = jaxsched.solve(study.problem, jaxsched.ADMM(rtol=1e-4, max_steps=4000))
found = frontier(study, factors=(0.5, 1, 2, 4, 8, 16), rtol=5e-4, base=base)
names = [case.name for case in found.answers.cases]
print(
    f"{found.efficient.sum()} of {len(names)} schedules are efficient; hypervolume {found.hypervolume:.2f} of the box"
)
print(f"knee: {names[found.knee]}", dict(zip(AIMS, found.points[found.knee].round(2).tolist(), strict=True)))

# %% [markdown]
# A weight is not a limit. `least_cost_within` turns the question around: the cheapest schedule that emits at most so much, its
# proved bound, and what one tonne less would cost.

# %%
carbon = found.answers.base_values[2]
limits = [
    least_cost_within(study, "carbon_t", share * carbon, rtol=5e-4, base=base) for share in (0.995, 0.99, 0.985, 0.98)
]
for one in limits:
    print(f"{one.limit:.3f} t: {one.cost:,.1f} AUD (gap {one.gap:.0e}), a tonne less costs {one.price:,.0f} AUD more")

# %% [markdown]
# On the left, what less carbon does to the time to first token, and what less waiting does to carbon. On the right, the cost of a
# limit on carbon beside its price: the last per cent is much dearer than the first.

# %%
figure, (left, right) = plt.subplots(1, 2, figsize=(12, 4.6), layout="constrained")
families = [case.family for case in found.answers.cases]
colours = ("#777777", "#56B4E9", "#E69F00", "#009E73", "#CC79A7")
for family, colour in zip(dict.fromkeys(families), colours, strict=True):
    at = np.array([one == family for one in families])
    left.plot(found.points[at, 1], found.points[at, 3], "o-", color=colour, linewidth=0.8, label=family)
left.plot(*found.points[found.knee, [1, 3]], "D", ms=13, mfc="none", mec="black", label="knee")
left.set(xlabel="carbon [t]", ylabel="mean TTFT [ms]", title="Multiplying what is worth what")
left.legend(frameon=False, title="worth of")

# %%
saved = 100 * (1 - np.array([one.limit for one in limits]) / carbon)
right.plot(saved, [one.cost - float(base.objective) for one in limits], "o-", color="#0072B2")
right.set(xlabel="carbon saved [%]", ylabel="more than the optimum [AUD]", title="A limit on carbon")
price = right.twinx()
price.plot(saved, [one.price for one in limits], "s--", color="#D55E00")
price.set_ylabel("price of the limit [AUD/t]", color="#D55E00")
right.yaxis.label.set_color("#0072B2")
figure
