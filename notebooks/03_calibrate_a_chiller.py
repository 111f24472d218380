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
# # What eight months of meters say about the next four
#
# A building in Singapore has metered its chillers each half hour. Does a physical law, fitted to the first two thirds, predict
# the last third, and is it worth more than the law as given, or a polynomial?

# %%
from pathlib import Path

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

import jaxsched
from jaxsched import models
from jaxsched.calibrate import Observations, fit, last_part

jax.config.update("jax_enable_x64", True)

# %% [markdown]
# Heat removed in refrigeration tons, energy in kWh per half hour, air in degF and percent. Where the file is not here, a plant
# with other parameters and a meter that errs by 3 % stands in for it.

# %%
file = Path("shared/data/cooling/singapore_chiller_30min_2019_2020.csv.gz")
here = [up / file for up in Path(jaxsched.__file__).resolve().parents if (up / file).is_file()]
plant, rated = models.WaterCooledPlant(), jnp.asarray(3900.0)  # [kW], above the largest load of the file


def predict(plant, inputs):
    heat, dry, wet = inputs
    return plant(heat, rated, rated, dry, wet).compressor


if here:
    table = pd.read_csv(here[0], parse_dates=["datetime_sgt"])
    table = table[(table["building_load_rt"] >= 200) & (table["chiller_energy_kwh"] >= 20)].dropna()
    times = pd.DatetimeIndex(table["datetime_sgt"]).tz_localize("Asia/Singapore")
    heat, power = 3.51685 * table["building_load_rt"].to_numpy(), 2 * table["chiller_energy_kwh"].to_numpy()
    dry, humidity = (table["outside_temp_f"].to_numpy() - 32) / 1.8, table["humidity_pct"].to_numpy(float)
else:
    random, times = np.random.default_rng(0), pd.date_range("2019-08-01", periods=6000, freq="30min", tz="Asia/Singapore")
    heat, dry = random.uniform(800, 3500, 6000), random.uniform(24, 33, 6000)
    humidity = random.uniform(60, 95, 6000)

# %%
wet = np.asarray(models.stull_wet_bulb(jnp.asarray(dry), jnp.asarray(humidity)))
inputs = tuple(map(jnp.asarray, (heat, dry, wet)))
if not here:
    power = np.asarray(predict(plant, inputs)) * 0.8 * np.exp(0.03 * random.normal(size=6000))
data = Observations(inputs, power, times=times, unit="kW", features={"heat": heat, "dry bulb": dry, "wet bulb": wet})
print(f"{'measured' if here else 'made up'}: {len(heat)} half hours from {times[0]:%B %Y} to {times[-1]:%B %Y}")

# %% [markdown]
# Three numbers are fitted: the efficiency of the machine, how that changes with the condenser water, and how power grows with
# load. Of eleven sets these predict unseen blocks of the first two thirds best; the last third takes no part, not even in that
# choice.

# %%
names = ["chiller.log_constant", "chiller.log_linear", "part_load.linear"]
found = fit(plant, data, parameters=names, predict=predict, held_out=last_part(times), starts=4, bootstrap=100, block_hours=168)
print(found)

# %% [markdown]
# Errors of half hours that were not fitted. ASHRAE Guideline 14 asks for a CV(RMSE) below 30 % and an NMBE within 10 % by the
# hour. A polynomial of heat and weather has more numbers to fit, and no physics.

# %%
labels = {"default": "as given", "polynomial": "polynomial", "held_out": "fitted"}
pd.DataFrame({label: {"CV(RMSE)": found.scores[key].cv_rmse, "NMBE": found.scores[key].nmbe} for key, label in labels.items()})

# %%
figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.3), layout="constrained")
unseen = found.held_out
left.plot(heat[unseen], power[unseen], ".", markersize=2, color="#999999", label="measured, not fitted")
left.plot(heat[unseen], found.predicted[unseen], ".", markersize=2, color="#0072B2", label="fitted law")
left.plot(heat[unseen], np.asarray(predict(plant, inputs))[unseen], ".", markersize=2, color="#E69F00", label="law as given")
left.set(xlabel="heat removed [kW]", ylabel="power of the chillers [kW]", title="The last third of the time")
left.legend(frameon=False, markerscale=6)
ratio = (found.predicted / power - 1)[unseen]
for low, high, colour in ((0, 26, "#56B4E9"), (26, 30, "#009E73"), (30, 50, "#D55E00")):
    among = (dry[unseen] >= low) & (dry[unseen] < high)
    name = f"below {high} °C" if low == 0 else f"{low} °C and above" if high == 50 else f"{low} to {high} °C"
    right.hist(100 * ratio[among], np.linspace(-30, 30, 61), histtype="step", density=True, color=colour, label=name)
right.axvline(0, color="black", linewidth=0.8)
right.set(xlabel="predicted above measured [%]", ylabel="density [1/%]", title="Error by air temperature")
right.legend(frameon=False)
figure
