"""A small valid file of every kind that is read, as text."""

import json
from pathlib import Path

import pandas as pd

HALF_HOURS = pd.date_range("2020-01-01 00:30", periods=6, freq="30min")
HOURS = pd.date_range("2020-01-01", periods=6, freq="h")
DAYS = pd.date_range("2020-01-01", periods=6, freq="D")
TOWNS = (
    ("Sydney", "NSW", "-33.86785,151.20732", "5638830", "Australia/Sydney"),
    ("Melbourne", "VIC", "-37.814,144.96332", "5435590", "Australia/Melbourne"),
    ("Brisbane", "QLD", "-27.46794,153.02809", "2780063", "Australia/Brisbane"),
    ("Perth", "WA", "-31.95224,115.8614", "2309338", "Australia/Perth"),
    ("Adelaide", "SA", "-34.92866,138.59863", "1446380", "Australia/Adelaide"),
    ("Broken Hill", "NSW", "-31.96173,141.45998", "17734", "Australia/Broken_Hill"),
)
PAIRS = ((0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3))
FIVE_MINUTES = pd.date_range("2023-01-17 10:05", periods=6, freq="5min")

EPW_HEADER = (
    "LOCATION,Sydney,NSW,AUS,RMY,947670,-33.95,151.18,10.0,6.0\nDESIGN CONDITIONS,0\nTYPICAL/EXTREME PERIODS,0\n"
    "GROUND TEMPERATURES,0\nHOLIDAYS/DAYLIGHT SAVINGS,No,0,0,0\nCOMMENTS 1,none\nCOMMENTS 2,none\n"
    "DATA PERIODS,1,1,Data,Sunday, 1/ 1,12/31\n"
)
OPEN_METEO_ABOUT = (
    "latitude,longitude,elevation,utc_offset_seconds,timezone,timezone_abbreviation\n-33.85,151.2,20.0,39600,A,B\n"
)
OPEN_METEO_JSON = (
    '{"latitude": -33.85, "longitude": 151.2, "utc_offset_seconds": 39600, "hourly_units": {"time": "iso8601", '
    '"temperature_2m": "°C", "relative_humidity_2m": "%"}, "hourly": {"time": ["2020-01-01T00:00", "2020-01-01T01:00", '
    '"2020-01-01T02:00"], "temperature_2m": [20.0, 19.5, 19.0], "relative_humidity_2m": [70, 71, 72]}}'
)


def opennem_series(what: str, unit: str, data: list[float | None], interval: str = "5m", start: str = "10:05") -> dict:
    """One series of OpenNEM's JSON of version 3, of New South Wales on 17 January 2023."""
    history = {"start": f"2023-01-17T{start}:00+10:00", "interval": interval, "data": data}
    return {"id": f"au.nem.nsw1.{what}", "network": "nem", "region": "NSW1", "units": unit, "history": history}


OPENNEM_SERIES = [
    opennem_series("price", "AUD/MWh", [81.5] * 6),
    opennem_series("demand", "MW", [7000.0] * 6),
    opennem_series("fuel_tech.coal_black.power", "MW", [50.0] * 6),
    opennem_series("fuel_tech.wind.power", "MW", [50.0] * 6),
    opennem_series("fuel_tech.battery_discharging.power", "MW", [1000.0] * 6),
]


def rows(header: str, *lines: str) -> str:
    return "\n".join([header, *lines]) + "\n"


def epw_row(year: int, month: int, day: int, hour: int, dry_bulb="20.0", humidity="60", pressure="101000") -> str:
    return f"{year},{month},{day},{hour},60,A7,{dry_bulb},12.0,{humidity},{pressure}" + ",0" * 25


def epw(lines: list[str]) -> str:
    return EPW_HEADER + "\n".join(lines) + "\n"


def nemweb(table: str, header: str, lines: list[str]) -> str:
    data = [f"D,{table},{line}" for line in lines]
    return rows("C,NEMP.WORLD,DISPATCHIS,AEMO,PUBLIC", f"I,{table},{header}", *data, "C,END OF REPORT,9")


def _requests(header: str) -> str:
    return rows(header, *(f"{3 * n},{100 + n},{10 + n}" for n in range(6)))


SAMPLES = {
    "aemo_price_and_demand": rows(
        "REGION,SETTLEMENTDATE,TOTALDEMAND,RRP,PERIODTYPE",
        *(f"NSW1,{t:%Y/%m/%d %H:%M:%S},7000.5,{40 + n}.25,TRADE" for n, t in enumerate(HALF_HOURS)),
    ),
    "dispatch_price": rows(
        "SETTLEMENTDATE,REGIONID,RRP,INTERVENTION",
        *(f"{t:%Y/%m/%d %H:%M:%S},VIC1,{40 + n}.5,0" for n, t in enumerate(FIVE_MINUTES)),
    ),
    "nemweb_price": nemweb(
        "DISPATCH,PRICE,4",
        "SETTLEMENTDATE,RUNNO,REGIONID,INTERVENTION,RRP",
        [f'"{t:%Y/%m/%d %H:%M:%S}",1,SA1,0,{n}.5' for n, t in enumerate(FIVE_MINUTES)],
    ),
    "nemweb_cdeii": nemweb(
        "CO2EII,PUBLISHING,1",
        "CONTRACTYEAR,WEEKNO,SETTLEMENTDATE,REGIONID,TOTAL_SENT_OUT_ENERGY,TOTAL_EMISSIONS,CO2E_INTENSITY_INDEX",
        [f'2020,1,"{t:%Y/%m/%d %H:%M:%S}",NSW1,1000,800,0.8{n}' for n, t in enumerate(DAYS)],
    ),
    "cdeii": rows(
        "SETTLEMENTDATE,REGIONID,CO2E_INTENSITY_INDEX",
        *(f"{t:%Y/%m/%d %H:%M:%S},NEM,0.7{n}" for n, t in enumerate(DAYS)),
    ),
    "cdeii_table": rows("region,date,aemo_cdeii_intensity", *(f"SA1,{t:%Y-%m-%d},0.3{n}" for n, t in enumerate(DAYS))),
    "nem_price_table": rows(
        "region,datetime_nem_end,rrp_aud_mwh,demand_mw",
        *(f"TAS1,{t:%Y-%m-%d %H:%M:%S},{n}.5,1000" for n, t in enumerate(HALF_HOURS)),
    ),
    "wem_balancing_price": rows(
        "datetime_awst_start,final_price_aud_mwh", *(f"{t:%Y-%m-%d %H:%M:%S},3{n}.1" for n, t in enumerate(HALF_HOURS))
    ),
    "wem_balancing_summary": rows(
        "Trading Interval,Final Price ($/MWh)", *(f"{t:%Y-%m-%d %H:%M:%S},3{n}.1" for n, t in enumerate(HALF_HOURS))
    ),
    "electricity_maps": rows(
        "Datetime (UTC),Country,Zone name,Zone id,Carbon intensity gCO₂eq/kWh (direct),"
        "Carbon intensity gCO₂eq/kWh (Life cycle),Data source,Data estimated,Data estimation method",
        *(f"{t:%Y-%m-%d %H:%M:%S},Australia,NSW,AU-NSW,50{n}.5,55{n}.5,opennem,false," for n, t in enumerate(HOURS)),
    ),
    "carbon_table": rows(
        "datetime_utc,zone,ci_direct,ci_lca,estimated",
        *(f"{t:%Y-%m-%d %H:%M:%S},AU-VIC,50{n}.5,55{n}.5,False" for n, t in enumerate(HOURS)),
    ),
    "opennem_long": rows(
        "region,series,t,value",
        *(
            f"NSW1,{series},{t:%Y-%m-%d %H:%M:%S},{value}"
            for series, value in (
                ("price", 81.5),
                ("demand", 7000.0),
                ("fuel_tech.coal_black.power", 50.0),
                ("fuel_tech.wind.power", 50.0),
                ("fuel_tech.battery_discharging.power", 1000.0),
            )
            for t in FIVE_MINUTES
        ),
    ),
    "opennem_export": rows(
        "date,Battery (Charging) -  MW,Gas (CCGT) -  MW,Wind -  MW,Solar (Rooftop) -  MW,Temperature - C,Price - AUD/MWh",
        *(f"{t:%Y-%m-%d %H:%M},-10.0,100.0,100.0,50.0,20.5,{n + 1}.5" for n, t in enumerate(FIVE_MINUTES)),
    ),
    "weather_table": rows(
        "datetime_utc,zone,temp_c,rh_pct", *(f"{t:%Y-%m-%d %H:%M:%S},AU-NSW,2{n}.5,60" for n, t in enumerate(HOURS))
    ),
    "half_hourly_temperature": rows(
        "city,datetime_clock,temp_c", *(f"Sydney,{t:%Y-%m-%d %H:%M:%S},2{n}.5" for n, t in enumerate(HALF_HOURS))
    ),
    "azure_trace": rows(
        "TIMESTAMP,ContextTokens,GeneratedTokens", *(f"2023-11-16 18:17:0{n}.9799600,480{n},1{n}" for n in range(6))
    ),
    "burstgpt": rows(
        "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type",
        *(f"{5 * n},ChatGPT,{400 + n},{20 * (n != 2)},450,Conversation log" for n in range(6)),
    ),
    "splitwise": _requests("arrival_timestamp,prompt_size,token_size"),
    "vidur": _requests("arrived_at,num_prefill_tokens,num_decode_tokens"),
    "servegen_rates": rows("model,t_s,rate_req_s", *(f"m-large,{600 * n},21{n}.5" for n in range(6))),
    "epw": epw([epw_row(2006, 1, 1, hour) for hour in range(1, 7)]),
    "open_meteo_csv": OPEN_METEO_ABOUT
    + rows(
        "\ntime,temperature_2m (°C),relative_humidity_2m (%)",
        *(f"{t:%Y-%m-%dT%H:%M},2{n}.5,60" for n, t in enumerate(HOURS)),
    ),
    "open_meteo_json": OPEN_METEO_JSON,
    "opennem_json": json.dumps({"type": "power", "version": "3.11.7", "data": OPENNEM_SERIES}),
    "jaxsched_table": rows(
        "start_utc,place,price_aud_per_mwh,estimated",
        *(f"{t:%Y-%m-%dT%H:%M:%S.%f}Z,NSW1,4{n}.5,False" for n, t in enumerate(HALF_HOURS)),
    ),
    "request_log": rows(
        "arrived_utc,prompt_tokens,answer_tokens,request_class",
        *(f"2024-01-12T00:00:0{n}.5Z,{100 + n},{10 + n},chat" for n in range(6)),
    ),
    "latency_log": rows(
        "arrival,prompt_tokens,output_tokens,ttft_s",
        *(f"2024-01-12T00:00:0{n}.5Z,{100 + n},{10 + n},0.1{n}" for n in range(6)),
    ),
    "request_rates": rows(
        "start_utc,origin,request_class,requests",
        *(f"{t:%Y-%m-%dT%H:%M:%S}Z,Sydney,chat-8b,36{n}0" for n, t in enumerate(HALF_HOURS)),
    ),
    "wondernetwork_pings": rows("source,destination,min,avg,max", *(f"{a},{b},{9 + a + b}.5,40,50" for a, b in PAIRS)),
    "city_pairs": rows("from_city,to_city,rtt_ms", *(f"{TOWNS[a][0]},{TOWNS[b][0]},{9 + a + b}.5" for a, b in PAIRS)),
    "rtt_matrix": rows(
        ",SYD,MEL,BNE,PER", "SYD,0.1,11,16,55", "MEL,11,0.1,28,45", "BNE,16,28,0.1,72", "PER,55,45,72,0.1"
    ),
    "sites": rows(
        "name,latitude,longitude,state,region,plant,hardware,gpus,gpus_per_replica,facility_limit_kw,timezone",
        *(f"{name} 1,{at},{state},,dx,h100,64,,250," for name, state, at, _, _ in TOWNS),
    ),
    "origins": rows(
        "name,latitude,longitude,state,population,timezone",
        *(f"{name},{at},{state},{people}," for name, state, at, people, _ in TOWNS),
    ),
    "geonames": rows(
        "geonameid,name,latitude,longitude,population,timezone,state,admin1code",
        *(f"{n},{name},{at},{people},{zone},{state},2" for n, (name, state, at, people, zone) in enumerate(TOWNS)),
    ),
    "geonames_dump": rows(
        *(
            "\t".join(
                [f"{n}", name, name, "", *at.split(","), "P", "PPLA", "AU", "", "02", "", "", "", people, "", "9", zone, "2024"]
            )
            for n, (name, _, at, people, zone) in enumerate(TOWNS)
        ),
    ),
    "servers": rows(
        "id,city,state,country,latitude,longitude",
        *(f"{n},{name},{state},Australia,{at}" for n, (name, state, at, _, _) in enumerate(TOWNS)),
    ),
}  # fmt: skip
# A file of one region says it by its name.
NAMES = {"epw": "SA.epw", "open_meteo_json": "SA.json", "opennem_json": "SA.json", "geonames_dump": "AU.txt"}


def write(folder: Path, kind: str, text: str | bytes | None = None) -> Path:
    """The sample of a kind, or another text under its name."""
    path = folder / NAMES.get(kind, "SA1.csv")
    body = SAMPLES[kind] if text is None else text
    path.write_bytes(body.encode() if isinstance(body, str) else body)
    return path
