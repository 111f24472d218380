"""Prices and demand of the Australian electricity markets."""

from pathlib import Path

import pandas as pd

from jaxsched.scenarios.countries import country
from jaxsched.scenarios.readers._qualified import records
from jaxsched.scenarios.readers._raw import Limits, RawTable, load, market_stamps, need, numbers, peek, words
from jaxsched.scenarios.readers._recording import Recording, recording
from jaxsched.scenarios.readers._report import report_table

NEM_REGIONS = country("australia").regions_of("NEM")
NEM_ZONE = "Etc/GMT-10"
_NEM_HOURS = 10
WEM_ZONE = "Etc/GMT-8"
_WEM_HOURS = 8
# The market floor and the highest cap of any year so far, with room for caps to come [AUD/MWh].
PRICE: Limits = {"low": -1_000.0, "high": 100_000.0}

_PRICE_COLUMNS = ("SETTLEMENTDATE", "REGIONID", "RRP")
_FIVE_MINUTE_SETTLEMENT = pd.Timestamp("2021-10-01")


def read_aemo_price_and_demand(path: Path) -> Recording:
    """AEMO `PRICE_AND_DEMAND_*.csv`: NEM time, stamps at the end of 30- (5- from October 2021) minute intervals."""
    columns = ("REGION", "SETTLEMENTDATE", "TOTALDEMAND", "RRP")
    raw = records(need(load(path), columns, "an AEMO price and demand table"))
    quantities = {
        "price_aud_per_mwh": numbers(raw, "RRP", **PRICE),
        "demand_mw": numbers(raw, "TOTALDEMAND", empty=True),
    }
    times, region = nem_stamps(raw, "SETTLEMENTDATE"), words(raw, "REGION", NEM_REGIONS)
    return recording(
        raw, "aemo_price_and_demand", times, region, quantities, zone=NEM_ZONE, stamp="interval end",
        column="SETTLEMENTDATE", single=trading_interval(times),
    )  # fmt: skip


def read_nem_price_table(path: Path) -> Recording:
    """NEM price and demand under plain names: (`region`), `datetime_nem_end`, `rrp_aud_mwh`, (`demand_mw`)."""
    raw = records(need(load(path), ("datetime_nem_end", "rrp_aud_mwh"), "a NEM price table"))
    region = words(raw, "region", NEM_REGIONS) if "region" in raw.frame else _region_of(raw)
    quantities = {"price_aud_per_mwh": numbers(raw, "rrp_aud_mwh", **PRICE)}
    if "demand_mw" in raw.frame:
        quantities["demand_mw"] = numbers(raw, "demand_mw", empty=True)
    times = nem_stamps(raw, "datetime_nem_end")
    return recording(
        raw,
        "nem_price_table",
        times,
        region,
        quantities,
        zone=NEM_ZONE,
        stamp="interval end",
        column="datetime_nem_end",
    )


def read_dispatch_price(path: Path) -> Recording:
    """NEMOSIS or MMS `DISPATCHPRICE` or `TRADINGPRICE` (CSV or parquet): NEM time, stamps at the end of the interval.

    Of an interval with intervention only the row with INTERVENTION 0 is kept: its price is the one that settles the
    market, the other belongs to the physical run.
    """
    return _price(need(load(path), _PRICE_COLUMNS, "a dispatch price table"), "nemosis_dispatch_price")


def read_nemweb(path: Path) -> Recording:
    """NEMWEB report files: rows of C (comment), I (header) and D (data) of several tables.

    The table of dispatch prices is read (DISPATCHIS), or that of trading prices (TRADINGIS); an interval alone is enough.
    """
    head = peek(path)
    about = "TRADING" if "\nI,TRADING,PRICE," in head and "\nI,DISPATCH,PRICE," not in head else "DISPATCH"
    raw = need(report_table(path, about, "PRICE"), _PRICE_COLUMNS, f"the price table of a {about.lower()} report")
    return _price(raw, f"nemweb_{about.lower()}_price", pd.Timedelta(minutes=5) if about == "DISPATCH" else None)


def _price(raw: RawTable, kind: str, step: pd.Timedelta | None = None) -> Recording:
    names = {str(name).upper() for name in raw.frame.columns}
    raw = records(raw)
    times = nem_stamps(raw, "SETTLEMENTDATE")
    dispatched = names & {"INTERVENTION", "DISPATCHINTERVAL"}
    single = pd.Timedelta(minutes=5) if dispatched else trading_interval(times, told="PERIODID" in names)
    return recording(
        raw,
        kind,
        times,
        words(raw, "REGIONID", NEM_REGIONS),
        {"price_aud_per_mwh": numbers(raw, "RRP", **PRICE)},
        zone=NEM_ZONE,
        stamp="interval end",
        column="SETTLEMENTDATE",
        step=step,
        single=single,
    )


def trading_interval(ends: pd.DatetimeIndex, *, told: bool = True) -> pd.Timedelta | None:
    """Length of a trading interval of the NEM: half an hour, and five minutes since the rule change of 1 October 2021.

    Arguments:
        ends: End of each interval, NEM time.
        told: Whether the table is known to hold trading intervals; dispatch intervals were always of five minutes, so that
            the length of earlier ones is not known else.
    """
    if len(ends) and ends[0] > _FIVE_MINUTE_SETTLEMENT:
        return pd.Timedelta(minutes=5)
    return pd.Timedelta(minutes=30) if told else None


def read_wem_balancing(path: Path) -> Recording:
    """WEM balancing price: Western standard time (UTC+8), stamps at the start of half-hours; the trading day starts at 8."""
    raw = load(path)
    plain = any(str(name).lower() == "datetime_awst_start" for name in raw.frame.columns)
    column, price = (
        ("datetime_awst_start", "final_price_aud_mwh") if plain else ("Trading Interval", "Final Price ($/MWh)")
    )
    raw = records(need(raw, (column, price), "a WEM balancing table" if plain else "a WEM balancing summary"))
    return recording(
        raw,
        "wem_balancing_price",
        market_stamps(raw, column, "WEM", _WEM_HOURS),
        "WEM",
        {"price_aud_per_mwh": numbers(raw, price, empty=True, **PRICE)},
        zone=WEM_ZONE,
        stamp="interval start",
        column=column,
        single=pd.Timedelta(minutes=30),
        notes=("the balancing market ended on 1 October 2023",),
    )


def nem_stamps(raw: RawTable, column: str) -> pd.DatetimeIndex:
    """Stamps on the clock of the National Electricity Market: UTC+10 all year, whatever summer does.

    Raises:
        ReadError: Naming the first cell that is no time, or that bears another offset.
    """
    return market_stamps(raw, column, "NEM", _NEM_HOURS)


def _region_of(raw: RawTable) -> str:
    """Region of a table of one region, by the name of its file."""
    found = [region for region in NEM_REGIONS if region.lower() in raw.name.lower()]
    if len(found) != 1:
        raise raw.fail(
            None, None, f"has no column 'region' and its name holds none of {', '.join(NEM_REGIONS)}; add one."
        )
    return found[0]
