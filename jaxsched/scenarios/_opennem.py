"""Read OpenNEM five-minute tables of the National Electricity Market."""

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd

from jaxsched.scenarios._tables import read_embedded

NEM_REGIONS = ("NSW1", "QLD1", "SA1", "TAS1", "VIC1")

_NEM_TIME = "Etc/GMT-10"
_STEP = pd.Timedelta(minutes=5)
_PER_HOUR = 12
_COLUMNS = {"region", "series", "t", "value"}
# Not generation of the region: storage and pumps move energy in time, flows come from neighbours, and rooftop solar is
# behind the meter, so that it never reaches a data centre's connection.
_NOT_GENERATION = ("battery", "pumps", "exports", "imports", "solar_rooftop")


@dataclasses.dataclass(frozen=True)
class GridSignals:
    """Real signals of the five NEM regions by hour.

    Attributes:
        hours: Start of each whole hour, UTC [hour].
        price: Time-weighted mean of the five-minute price [hour, region] [AUD/MWh]; caps and negative prices stay.
        carbon_intensity: Emissions of generation over generation [hour, region] [g/kWh].
        temperature: Reading at the middle of the hour, NaN where the file has none [hour, region] [degC].
        source: Name of the file.
    """

    hours: pd.DatetimeIndex
    price: pd.DataFrame
    carbon_intensity: pd.DataFrame
    temperature: pd.DataFrame
    source: str


def read_opennem(path: Path) -> GridSignals:
    """Read price, generation by fuel and temperature from a long table (parquet: region, series, t, value).

    Clock: `t` is NEM time (UTC+10 all year, no daylight saving) and stamps the end of each five-minute interval, as AEMO
    does: hourly means by that reading equal AEMO's settlement prices. Only hours with all twelve intervals are kept.
    Temperature is an instantaneous half-hourly reading.

    Raises:
        ValueError: One sentence that names the file and what is wrong with it.
    """
    table = _read(path)
    price = _hourly(_wide(table, "price", path), path, "price")
    intensity = _intensity(table, price.index, path)
    temperature = _wide(table, "temperature", path, required=False)
    hours = pd.DatetimeIndex(price.index)
    temperature.index = _utc(temperature)
    at_middle = temperature.reindex(hours + pd.Timedelta(minutes=30)).set_axis(hours, axis=0)
    return GridSignals(hours, price, intensity, at_middle.reindex(columns=list(NEM_REGIONS)), path.name)


def _read(path: Path) -> pd.DataFrame:
    try:
        table = pd.read_parquet(path)
    except Exception as error:  # pyarrow raises many kinds for one cause: this is no readable parquet
        raise ValueError(f"{path.name}: is not a readable parquet table ({type(error).__name__}).") from None
    missing = sorted(_COLUMNS - set(table.columns))
    if missing:
        raise ValueError(
            f"{path.name}: has no column {missing[0]!r}; an OpenNEM table has {', '.join(sorted(_COLUMNS))}."
        )
    return table


def _wide(table: pd.DataFrame, series: str, path: Path, *, required: bool = True) -> pd.DataFrame:
    """Stamps against regions."""
    part = table[table["series"] == series]
    if required and part.empty:
        raise ValueError(f"{path.name}: has no series {series!r}.")
    part = part.astype({"region": str, "value": float})
    twice = part.duplicated(["t", "region"])
    if twice.any():
        row = part[twice].iloc[0]
        raise ValueError(f"{path.name}: {series} of {row['region']} at {row['t']} is given twice; keep one row.")
    wide = part.pivot(index="t", columns="region", values="value").sort_index()
    absent = [region for region in NEM_REGIONS if region not in wide.columns]
    if required and absent:
        raise ValueError(f"{path.name}: has no {series} of {absent[0]}; all five NEM regions are needed.")
    return wide


def _utc(table: pd.DataFrame) -> pd.DatetimeIndex:
    """Stamps of a table of NEM time in UTC."""
    return pd.DatetimeIndex(table.index).tz_localize(_NEM_TIME).tz_convert("UTC")


def _hourly(wide: pd.DataFrame, path: Path, what: str) -> pd.DataFrame:
    """Means over whole hours by the start of the hour in UTC; an hour with a missing interval in the middle is an error."""
    hour = (_utc(wide) - _STEP).floor("h")
    values = wide[list(NEM_REGIONS)]
    count = values.notna().groupby(hour).sum()
    whole = (count == _PER_HOUR).all(axis=1)
    inside = whole.loc[whole.idxmax() : whole[::-1].idxmax()] if whole.any() else whole
    if not len(inside) or not inside.all():
        when = inside.index[~inside.to_numpy()][0] if len(inside) else wide.index[0]
        raise ValueError(f"{path.name}: {what} has no complete hour at {when}; the five-minute series has a gap there.")
    return values.groupby(hour).mean().loc[inside.index]


def _intensity(table: pd.DataFrame, hours: pd.Index, path: Path) -> pd.DataFrame:
    """Emissions of each region's generation over that generation [g/kWh]."""
    factors = read_embedded("emission_factors").set_index("fuel")["emission_factor_t_per_mwh"]
    names = table["series"].astype(str)
    fuels = sorted({n.split(".")[1] for n in names.unique() if n.startswith("fuel_tech.") and n.endswith(".power")})
    fuels = [fuel for fuel in fuels if not fuel.startswith(_NOT_GENERATION)]
    unknown = [fuel for fuel in fuels if fuel not in factors.index]
    if unknown:
        raise ValueError(f"{path.name}: has generation from {unknown[0]!r}, for which no emission factor is known.")
    energy = pd.DataFrame(0.0, index=hours, columns=list(NEM_REGIONS))
    emissions = energy.copy()
    for fuel in fuels:
        power = _wide(table, f"fuel_tech.{fuel}.power", path, required=False)
        hour = (_utc(power) - _STEP).floor("h")
        mean = power.clip(lower=0.0).groupby(hour).mean().reindex(index=hours, columns=list(NEM_REGIONS))
        # A region without a plant of this fuel has no column; a plant that stands still has zeros.
        generated = mean.fillna(0.0)
        energy += generated
        emissions += generated * factors[fuel]
    if not np.all(energy.to_numpy() > 0):
        raise ValueError(f"{path.name}: some region has no generation in some hour; the generation series has a gap.")
    return 1000.0 * emissions / energy
