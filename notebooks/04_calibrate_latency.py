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
# # What a quiet hour tells about a busy one
#
# A log of requests at a low load holds arrival, lengths and time to first token (TTFT). Does it say how long the slowest
# in a hundred will wait when twice as many come? The log is made here by a site that the fit does not know, so that the
# answer can be checked; a file of your own with the same four columns is read the same way.

# %%
import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from jaxsched.calibrate import fit_latency
from jaxsched.models import ServingSite
from jaxsched.scenarios.readers import read
from jaxsched.simulation import simulate

jax.config.update("jax_enable_x64", True)

# %% [markdown]
# The truth: six replicas, bursty arrivals, lengths like those of the Azure conversation trace of 2023. At full load the site
# would serve `full` requests a second; the log is of 45 % of that, with TTFT measured to 5 %.

# %%
random = np.random.default_rng(0)
prompt = jnp.asarray(np.clip(random.lognormal(6.63, 0.99, 20_000).round(), 1, 8000))
answer = jnp.asarray(np.clip(random.lognormal(5.02, 0.86, 20_000).round(), 1, 2000))
truth = ServingSite(servers=6.0, token_time=8e-4, arrival_cv2=1.8)
full = 1.0 / float(truth.utilisation(jnp.asarray(1.0), prompt, answer))

# %%
done = simulate(truth, jax.random.key(1), jnp.asarray(0.45 * full), prompt, answer, requests=4000)
served = pd.DataFrame(
    {"arrival": done.arrived, "prompt_tokens": done.prompt_tokens, "output_tokens": done.answer_tokens}
)
served["ttft_s"] = np.asarray(done.ttft) * np.exp(0.05 * random.normal(size=4000))
served.to_csv("served.csv", index=False)
served.head(3).round(3)

# %% [markdown]
# The fit sends every request of the log through a simulated site of 1, 2, 3 ... servers. Which requests had to wait tells
# the number of servers and the time that an answer token takes apart.

# %%
log = read("served.csv")
found = fit_latency(log, most_servers=12)
print(found)

# %% [markdown]
# The fitted law at other loads, beside what the true site then does: requests that the fit never saw.

# %%
loads = np.array([0.3, 0.45, 0.55, 0.65, 0.75, 0.85, 0.92])
law = pd.DataFrame([found.predict(load * full, extrapolate=True) for load in loads], index=loads)


def percentiles(site_run):
    return np.quantile(np.asarray(site_run.ttft)[2000:], [0.5, 0.99])


keys = jax.random.split(jax.random.key(2), len(loads))
later = [
    simulate(truth, key, jnp.asarray(load * full), prompt, answer, requests=40_000)
    for key, load in zip(keys, loads, strict=True)
]
true = np.array([percentiles(run) for run in later])
fitted = np.array([percentiles(found.simulate(load * full, requests=40_000, extrapolate=True)) for load in loads])
table = pd.DataFrame(
    {"true p99": true[:, 1], "law": law["p99_s"].to_numpy(), "simulated fit": fitted[:, 1]}, index=loads
)
table.round(2)

# %% [markdown]
# The log: most requests lie on the time to read their prompt, those above it waited.

# %%
figure, axes = plt.subplots(figsize=(7, 3.5), layout="constrained")
axes.scatter(served["prompt_tokens"], served["ttft_s"], s=3, color="#999999", label="requests of the log")
tokens = jnp.linspace(1.0, 8000.0, 200)
axes.plot(
    tokens, found.site.first_token(tokens, jnp.zeros(200)), color="#0072B2", label="fitted time to read the prompt"
)
axes.set(
    xlabel="prompt length [tokens]", ylabel="time to first token [s]", title=f"The log, at {found.utilisation:.0%} load"
)
axes.legend(frameon=False, loc="upper left")

# %% [markdown]
# What the log says of higher loads. Below 70 % the slowest requests are those with the longest prompts; above it, the queue.

# %%
figure, axes = plt.subplots(figsize=(7, 3.5), layout="constrained")
for column, name, share, colour in ((0, "p50_s", "median", "#009E73"), (1, "p99_s", "99th percentile", "#D55E00")):
    axes.plot(loads, law[name], color=colour)
    axes.plot(loads, fitted[:, column], ":", color=colour)
    axes.plot(loads, true[:, column], "o", color=colour)
    axes.annotate(share, (0.3, law[name].iloc[0]), (0, 8), textcoords="offset points", color=colour)
axes.axvline(found.utilisation, ymax=0.65, color="#999999", linewidth=0.8)
axes.annotate("the log", (found.utilisation, 0.3), (4, 0), textcoords="offset points", color="#666666")
axes.set(xlabel="load [share of the site's capacity]", ylabel="time to first token [s]", ylim=(0.06, 12), yscale="log")
for style, name in (("-", "the law"), (":", "simulated with the fit"), ("o", "what happened")):
    axes.plot([], [], style, color="black", label=name)
axes.legend(frameon=False, loc="upper left")
