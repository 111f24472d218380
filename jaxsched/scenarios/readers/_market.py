"""Prices and demand of the Australian electricity markets."""

from pathlib import Path

import pandas as pd

from jaxsched.scenarios.readers._raw import Limits, RawTable, load, market_stamps, need, numbers, words
from jaxsched.scenarios.readers._recording import Recording, recording
from jaxsched.scenarios.readers._report import report_table

NEM_REGIONS = ("NSW1", "QLD1", "SA1", "TAS1", "VIC1")
NEM_ZONE = "Etc/GMT-10"
_NEM_HOURS = 10
WEM_ZONE = "Etc/GMT-8"
_WEM_HOURS = 8
# The market floor and the highest cap of any year so far, with room for caps to come [AUD/MWh].
PRICE: Limits = {"low": -1_000.0, "high": 100_000.0}


def read_aemo_price_and_demand(path: Path) -> Recording:
    """AEMO `PRICE_AND_DEMAND_*.csv`: NEM time, stamps at the end of 30- (5- from October 2021) minute intervals."""
    raw = need(load(path), ("REGION", "SETTLEMENTDATE", "TOTALDEMAND", "RRP"), "an AEMO price and demand table")
    quantities = {
        "price_aud_per_mwh": numbers(raw, "RRP", **PRICE),
        "demand_mw": numbers(raw, "TOTALDEMAND", empty=True),
    }
    return _nem(raw, "aemo_price_and_demand", "SETTLEMENTDATE", words(raw, "REGION", NEM_REGIONS), quantities)


def read_nem_price_table(path: Path) -> Recording:
    """NEM price and demand under plain names: (`region`), `datetime_nem_end`, `rrp_aud_mwh`, (`demand_mw`)."""
    raw = need(load(path), ("datetime_nem_end", "rrp_aud_mwh"), "a NEM price table")
    region = words(raw, "region", NEM_REGIONS) if "region" in raw.frame else _region_of(raw)
    quantities = {"price_aud_per_mwh": numbers(raw, "rrp_aud_mwh", **PRICE)}
    if "demand_mw" in raw.frame:
        quantities["demand_mw"] = numbers(raw, "demand_mw", empty=True)
    return _nem(raw, "nem_price_table", "datetime_nem_end", region, quantities)


def read_dispatch_price(path: Path) -> Recording:
    """NEMOSIS or MMS `DISPATCHPRICE` (CSV or parquet): NEM time, stamps at the end of five-minute intervals.

    Of an interval with intervention only the row with INTERVENTION 0 is kept: its price is the one that settles the
    market, the other belongs to the physical run.
    """
    raw = need(load(path), ("SETTLEMENTDATE", "REGIONID", "RRP"), "a dispatch price table")
    return _dispatch(raw, "nemosis_dispatch_price")


def read_nemweb(path: Path) -> Recording:
    """NEMWEB report files: rows of C (comment), I (header) and D (data) of several tables; that of the dispatch price is read."""
    raw = report_table(path, "DISPATCH", "PRICE")
    need(raw, ("SETTLEMENTDATE", "REGIONID", "RRP"), "the price table of a dispatch report")
    return _dispatch(raw, "nemweb_dispatch_price")


def _dispatch(raw: RawTable, kind: str) -> Recording:
    price, region = numbers(raw, "RRP", **PRICE), words(raw, "REGIONID", NEM_REGIONS)
    times, notes = nem_stamps(raw, "SETTLEMENTDATE"), ()
    if "INTERVENTION" in raw.frame:
        physical = numbers(raw, "INTERVENTION", low=0, high=1) == 1
        if physical.any():
            notes = (f"{int(physical.sum())} rows of the physical run of interventions were left out",)
            keep = ~physical
            raw = RawTable(raw.name, raw.frame[keep], raw.first_row)
            price, region, times = price[keep], region[keep], times[keep]
    return recording(
        raw,
        kind,
        times,
        region,
        {"price_aud_per_mwh": price},
        zone=NEM_ZONE,
        stamp="interval end",
        column="SETTLEMENTDATE",
        notes=notes,
    )


def read_wem_balancing(path: Path) -> Recording:
    """WEM balancing price: Western standard time (UTC+8), stamps at the start of half-hours; the trading day starts at 8."""
    raw = load(path)
    plain = any(str(name).lower() == "datetime_awst_start" for name in raw.frame.columns)
    column, price = (
        ("datetime_awst_start", "final_price_aud_mwh") if plain else ("Trading Interval", "Final Price ($/MWh)")
    )
    raw = need(raw, (column, price), "a WEM balancing table" if plain else "a WEM balancing summary")
    return recording(
        raw,
        "wem_balancing_price",
        market_stamps(raw, column, "WEM", _WEM_HOURS),
        "WEM",
        {"price_aud_per_mwh": numbers(raw, price, empty=True, **PRICE)},
        zone=WEM_ZONE,
        stamp="interval start",
        column=column,
        notes=("the balancing market ended on 1 October 2023",),
    )


def nem_stamps(raw: RawTable, column: str) -> pd.DatetimeIndex:
    """Stamps on the clock of the National Electricity Market: UTC+10 all year, whatever summer does.

    Raises:
        ReadError: Naming the first cell that is no time, or that bears another offset.
    """
    return market_stamps(raw, column, "NEM", _NEM_HOURS)


def _nem(raw: RawTable, kind: str, column: str, region: pd.Categorical | str, quantities: dict) -> Recording:
    return recording(
        raw,
        kind,
        nem_stamps(raw, column),
        region,
        quantities,
        zone=NEM_ZONE,
        stamp="interval end",
        column=column,
    )


def _region_of(raw: RawTable) -> str:
    """Region of a table of one region, by the name of its file."""
    found = [region for region in NEM_REGIONS if region.lower() in raw.name.lower()]
    if len(found) != 1:
        raise raw.fail(
            None, None, f"has no column 'region' and its name holds none of {', '.join(NEM_REGIONS)}; add one."
        )
    return found[0]
