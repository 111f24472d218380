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
# # How large a problem fits, and how fast
#
# An iteration of ADMM passes over the routes of the problem a few times, so its seconds should grow as the number of routes
# does, and be bound by the speed of the memory. Is that so on the device at hand? Sizes are those of a GPU where JAX has one, and
# small on a CPU.

# %%
import time

import jax
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import EngFormatter, LogLocator, NullLocator

import jaxsched

gpu = jax.default_backend() == "gpu"
print(jax.devices()[0].device_kind)
base = {"slots": 8, "origins": 500, "sites": 1000} if gpu else {"slots": 2, "origins": 50, "sites": 100}
grown = (2, 4, 8) if gpu else (8,)


# %%
def problem_of(slots, origins, sites):
    """Demand and congestion drawn at random, in float32."""
    random = np.random.default_rng(0)
    servers = random.lognormal(0.0, 0.6, sites) * 2.5 * origins / sites
    demand = random.lognormal(0.0, 0.5, (slots, origins))
    linear = random.uniform(0.35, 2.0, (slots, sites))
    cost = jaxsched.CongestionCost(linear=linear, quadratic=0.01, queueing=0.1, servers=servers)
    far = random.uniform(0.0, 1.0, (origins, sites))
    return jaxsched.Problem(demand, far, 0.95 * servers, cost, dtype=np.float32)


def seconds_of(function):
    """Least of three, after a call that compiles."""
    times = []
    for _ in range(4):
        started = time.perf_counter()
        done = jax.block_until_ready(function())
        times.append(time.perf_counter() - started)
    return min(times[1:]), done


# %% [markdown]
# What the memory can do: bytes read and written by a copy that is larger than any cache.

# %%
source = jax.numpy.zeros((2_000 if gpu else 128) * 250_000, np.float32)
copying, _ = seconds_of(lambda copy=jax.jit(lambda x: x + 1): copy(source))
copied = 2 * source.nbytes / copying
del source
print(f"a copy moves {copied / 1e9:,.0f} GB/s")

# %% [markdown]
# One compiled program gives both: XLA's count of the bytes it needs, and its seconds. The tolerance is an argument, so a solve
# that stops at its first check and one of 200 iterations share it; the difference is iterations alone. Each must read the flow,
# the metric and the route cost, and write the flow: four numbers a route, less than any implementation moves.

# %%
ROUNDING, PLENTY = 1e-30, 1e15  # a tolerance that is never reached, bytes that are never used up


def measure(shape):
    problem = problem_of(**shape)
    short, long = (jaxsched.ADMM(rtol=rtol, max_steps=200) for rtol in (0.5, ROUNDING))
    program = jax.jit(lambda p, s: jaxsched.solve(p, s, throw=False, memory=PLENTY)).lower(problem, short).compile()
    (quick, first), (whole, last) = (seconds_of(lambda s=s: program(problem, s)) for s in (short, long))
    steps = int(last.stats.num_steps) - int(first.stats.num_steps)
    memory, routes = program.memory_analysis(), np.prod(list(shape.values()))
    needed = memory.argument_size_in_bytes + memory.output_size_in_bytes + memory.temp_size_in_bytes
    each = max(whole - quick, 1e-9) / steps
    return {"routes": routes, "seconds": each, "bytes": needed, "share": 16 * routes / each / copied}


# %%
growing = list(base) if gpu else ["slots", "sites"]
along = {axis: [base, *({**base, axis: base[axis] * factor} for factor in grown)] for axis in growing}
first = measure(base)
found = {axis: [first, *(measure(shape) for shape in shapes[1:])] for axis, shapes in along.items()}
for axis, cases in found.items():
    last = cases[-1]
    power = np.log(last["seconds"] / first["seconds"]) / np.log(last["routes"] / first["routes"])
    print(f"{axis:8s} to {last['routes']:12,} routes: {last['seconds'] * 1e3:8.3f} ms an iteration, as routes to the power {power:.2f}")

# %%
figure, axes = plt.subplots(1, 3, figsize=(13, 4), layout="constrained")
panels = (("seconds", 1e3, "an iteration [ms]"), ("bytes", 1e-6, "memory of a solve [MB]"), ("share", 100, "bandwidth [% of a copy]"))
styles = {"slots": ("#0072B2", "o-"), "origins": ("#E69F00", "s--"), "sites": ("#009E73", "^:")}
for panel, (key, unit, label) in zip(axes, panels, strict=True):
    for axis, cases in found.items():
        colour, style = styles[axis]
        panel.plot([c["routes"] for c in cases], [c[key] * unit for c in cases], style, color=colour, label=f"more {axis}")
    panel.set(xscale="log", xlabel="routes (slots x origins x sites)", ylabel=label)
    panel.set_ylim(bottom=0) if key == "share" else panel.set_yscale("log")
    for line in [panel.xaxis] if key == "share" else [panel.xaxis, panel.yaxis]:
        line.set_major_locator(LogLocator(subs=(1, 2, 5)))
        line.set_major_formatter("{x:g}" if line is panel.yaxis else EngFormatter(sep=""))
        line.set_minor_locator(NullLocator())
axes[0].legend(frameon=False)
figure

# %% [markdown]
# What does not fit can be made smaller: `memory=` solves slots in chunks that fit it.

# %%
shape = {**base, "origins": base["origins"] * grown[-1]}
wide, dense = problem_of(**shape), jaxsched.ADMM(rtol=1e-3, max_steps=2000)
each_slot = dense.bytes_per_slot(wide, shape["sites"])
ways = {
    "all at once": (dense, PLENTY),
    "slot by slot": (dense, each_slot),
}
rows = {}
for name, (solver, memory) in ways.items():
    took, schedule = seconds_of(lambda s=solver, m=memory: jaxsched.solve(wide, s, memory=m))
    at_once = min(solver.bytes_per_slot(wide, shape["sites"]) * shape["slots"], memory)
    rows[name] = (1e3 * took, 1e-6 * at_once)
    print(f"{name:12s} {took * 1e3:8.1f} ms, gap {float(schedule.gap):.0e}, {schedule.routing.shape}")

# %%
figure, axes = plt.subplots(1, 2, figsize=(11, 2.4), layout="constrained", sharey=True)
for panel, label, column in zip(axes, ("a solve [ms]", "an iteration's memory [MB]"), (0, 1), strict=True):
    bars = panel.barh(list(rows), [row[column] for row in rows.values()], color=["#0072B2", "#56B4E9"])
    panel.bar_label(bars, fmt="%.3g", padding=3)
    panel.set_xlabel(label)
    panel.margins(x=0.15)
axes[0].invert_yaxis()
figure
