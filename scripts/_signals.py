"""Hour-by-month profiles of carbon and price, request shapes and lengths, and measured round-trip times."""

from pathlib import Path

import numpy as np
import pandas as pd

_YEAR = 2024
_ZONES = {"NSW": 10.0, "QLD": 10.0, "VIC": 10.0, "TAS": 10.0, "SA": 9.5, "WA": 8.0, "NT": 9.5}
_WINSOR = (-100.0, 300.0)
# Annual mean prices of 2024 [AUD/MWh] (AEMO, repo cutout-z/aemo-historical-prices): level of regions without 2024 data.
_MEAN_2024 = {"SA1": 100.1, "TAS1": 95.8, "VIC1": 82.1}
_TAS_SHAPE = 0.3
_NT_PRICE = 210.0
_NEM_FUELS = ("NSW1", "QLD1", "SA1", "TAS1", "VIC1")


def carbon(data: Path) -> pd.DataFrame:
    """Mean intensity by zone, month and hour of local standard time."""
    raw = pd.read_parquet(data / "carbon" / "au_carbon_intensity_hourly_2021_2024.parquet")
    raw = raw.assign(zone=raw["zone"].astype(str).str.removeprefix("AU-"))
    parts = []
    for zone, offset in _ZONES.items():
        part = raw[raw["zone"] == zone]
        local = part["datetime_utc"] + pd.Timedelta(hours=offset)
        part = part.assign(year=local.dt.year, month=local.dt.month, hour=local.dt.hour)
        part = part[part["year"] == _YEAR]
        mean = part.groupby(["month", "hour"])[["ci_direct", "ci_lca"]].mean().reset_index()
        parts.append(mean.assign(zone=zone))
    table = pd.concat(parts)[["zone", "month", "hour", "ci_direct", "ci_lca"]]
    return table.rename(columns={"ci_direct": "direct_g_per_kwh", "ci_lca": "life_cycle_g_per_kwh"}).round(1)


def price(data: Path) -> pd.DataFrame:
    """Mean winsorised price by region, month and hour of the region's market time."""
    hourly = pd.read_parquet(data / "prices" / "greendcc_au_nsw_vic_price_hourly_2020_2024.parquet")
    hourly = hourly[~hourly["dup_month_edge"] & (hourly["datetime_nem"].dt.year == _YEAR)]
    by_zone = {z: g.set_index("datetime_nem")["price_aud_mwh"] for z, g in hourly.groupby("zone")}
    nsw, vic = by_zone["AU-NSW"], by_zone["AU-VIC"]
    profiles = {"NSW1": _profile(nsw), "VIC1": _profile(vic)}
    profiles["QLD1"] = _queensland(data, nsw, profiles["NSW1"])
    scaled = profiles["VIC1"] / profiles["VIC1"].mean()
    level = {r: profiles["VIC1"].mean() * m / _MEAN_2024["VIC1"] for r, m in _MEAN_2024.items()}
    profiles["SA1"] = scaled * level["SA1"]
    profiles["TAS1"] = (_TAS_SHAPE * scaled + 1.0 - _TAS_SHAPE) * level["TAS1"]
    profiles["WEM"] = _western_australia(data, profiles["NSW1"].index)
    profiles["NT"] = pd.Series(_NT_PRICE, index=profiles["NSW1"].index)
    parts = [p.rename("price_aud_per_mwh").reset_index().assign(region=r) for r, p in profiles.items()]
    return pd.concat(parts)[["region", "month", "hour", "price_aud_per_mwh"]].round(2)


def _profile(series: pd.Series) -> pd.Series:
    held = series.clip(*_WINSOR)
    mean = held.groupby([held.index.month, held.index.hour]).mean()
    return mean.rename_axis(["month", "hour"])


def _queensland(data: Path, nsw: pd.Series, nsw_profile: pd.Series) -> pd.Series:
    """January to August 2024 from five-minute data; later months from New South Wales plus the mean difference by hour."""
    raw = pd.read_parquet(data / "prices" / "qld1_price_demand_5min_2024-01_09.parquet")
    start = raw["datetime_nem_end"] - pd.Timedelta(minutes=5)
    series = raw.set_index(start)["rrp_aud_mwh"].resample("h").mean()
    series = series[(series.index.year == _YEAR) & (series.index.month <= 8)]
    known = _profile(series)
    same = nsw[nsw.index.month <= 8]
    difference = (
        series.clip(*_WINSOR).groupby(series.index.hour).mean() - same.clip(*_WINSOR).groupby(same.index.hour).mean()
    )
    hours = nsw_profile.index.get_level_values("hour")
    estimated = nsw_profile + difference.reindex(hours).to_numpy()
    return known.reindex(nsw_profile.index).fillna(estimated)


def _western_australia(data: Path, index: pd.MultiIndex) -> pd.Series:
    """Monthly means of the last twelve months of the balancing market times the shape of the three days at hand."""
    months = pd.read_csv(data / "prices" / "wa_wem_balancing_monthly_stats_2020_2023.csv").tail(12)
    mean = dict(zip(pd.to_datetime(months["month"]).dt.month, months["price_mean"], strict=True))
    days = pd.read_csv(data / "prices" / "wa_wem_balancing_30min_2020-01-01_03.csv")
    hour = pd.to_datetime(days["datetime_awst_start"]).dt.hour
    shape = days["final_price_aud_mwh"].groupby(hour).mean()
    shape = shape / shape.mean()
    return pd.Series([mean[m] * shape[h] for m, h in index], index=index)


def rtt(data: Path) -> pd.DataFrame:
    """Least measured round-trip time between the six metropolitan areas, mean of both directions."""
    raw = pd.read_csv(data / "latency" / "au_city_rtt_ms_2020.csv")
    servers = pd.read_csv(data / "latency" / "wondernetwork_servers.csv")
    servers = servers[servers["country"] == "Australia"].set_index("city")
    raw = raw[raw["from_city"] != raw["to_city"]]
    raw = raw[raw["from_city"].isin(servers.index) & raw["to_city"].isin(servers.index)]
    ends = np.sort(raw[["from_city", "to_city"]].to_numpy(str), axis=1)
    table = raw.assign(city_a=ends[:, 0], city_b=ends[:, 1]).groupby(["city_a", "city_b"])["min"].mean().reset_index()
    for end in ("a", "b"):
        for column in ("latitude", "longitude"):
            table[f"{column}_{end}"] = servers.loc[table[f"city_{end}"], column].to_numpy()
    return table.rename(columns={"min": "rtt_ms"}).round({"rtt_ms": 2})


def request_classes(data: Path) -> pd.DataFrame:
    """Three classes with the lengths of the Azure traces."""
    logs = {name: pd.read_csv(data / "llm_traces" / f"AzureLLMInferenceTrace_{name}.csv") for name in ("conv", "code")}
    rows = []
    for name, model, share, log, limit, cv2 in (
        ("chat-8b", "llama-8b", 0.6, "conv", 0.45, None),
        ("chat-70b", "llama-70b", 0.3, "conv", 2.0, None),
        ("code-70b", "llama-70b", 0.1, "code", 0.45, 12.0),
    ):
        prompt, answer = (logs[log][c].to_numpy(float) for c in ("ContextTokens", "GeneratedTokens"))
        between = np.diff(np.sort(pd.to_datetime(logs[log]["TIMESTAMP"]).to_numpy())) / np.timedelta64(1, "s")
        rows.append(
            {
                "name": name,
                "model": model,
                "share": share,
                "latency_limit_s": limit,
                "residency": "any",
                "input_mean": prompt.mean(),
                "input_mean_square": (prompt**2).mean(),
                "input_mu": np.log(prompt).mean(),
                "input_sigma": np.log(prompt).std(),
                "output_mean": answer.mean(),
                "output_mu": np.log(answer).mean(),
                "output_sigma": np.log(answer).std(),
                "arrival_cv2": cv2 or between.var() / between.mean() ** 2,
            }
        )
    return pd.DataFrame(rows).round({c: 4 for c in rows[0] if c not in ("name", "model", "residency")})


def emission_factors(data: Path) -> pd.DataFrame:
    """Emissions over energy by fuel, the whole NEM in 2022; fuels without emissions have 0."""
    raw = pd.read_parquet(data / "grid" / "opennem_monthly_by_fuel_1998_2022.parquet")
    raw = raw.astype({"region": str, "series": str})
    raw = raw[(raw["t"].dt.year == 2022) & raw["region"].isin(_NEM_FUELS)]
    total = raw.groupby("series")["value"].sum()
    rows = []
    for series, energy in total.items():
        parts = str(series).split(".")
        if parts[0] != "fuel_tech" or parts[-1] != "energy" or parts[1] in ("imports", "exports") or energy <= 0:
            continue
        emissions = total.get(f"fuel_tech.{parts[1]}.emissions", 0.0)
        rows.append((parts[1], emissions / (1000.0 * energy)))
    return pd.DataFrame(rows, columns=["fuel", "emission_factor_t_per_mwh"]).round(4)
