"""Edge sites: real facilities, where they are, how they are cooled, and an assumed fleet of GPUs."""

from pathlib import Path

import numpy as np
import pandas as pd
from _places import gazetteer, place

from jaxsched.models import HARDWARE
from jaxsched.scenarios._network import distance_km

# Facility power limit over rated IT power: a hall of DX units cannot run all its GPUs on the hottest hours.
_LIMIT = 1.22
_GPUS = 2600
_GPUS_PER_REPLICA = 4
_MULTIPLE, _LEAST = 8, 16
_SERVES_KM = 60.0

# name; operator; city of the gazetteer; state; plant; source of the plant; hardware; status; row of the coordinates
# table (operator/site) where it has the facility. Plants: P published cooling method, A assumption by climate.
_SITES = """
NEXTDC S2;NEXTDC;Macquarie Park;NSW;airside;P indirect free cooling;h100;operating;NextDC/S2
NEXTDC S3;NEXTDC;Artarmon;NSW;airside;P indirect free cooling;h100;operating;NextDC/S3
NEXTDC S3 hall L40S;NEXTDC;Artarmon;NSW;airside;P indirect free cooling;l40s;operating;NextDC/S3
Equinix SY4;Equinix;Alexandria;NSW;waterside;A large city hall;a100;operating;Equinix/SY4
DigiCo SYD1;DigiCo;Ultimo;NSW;dx;A city building;h100;operating;DigiCo/SYD1
AirTrunk SYD1;AirTrunk;Huntingwood;NSW;indirect_evaporative;P indirect evaporative;h200;operating;Airtrunk/SYD1
CDC Eastern Creek;CDC;Eastern Creek;NSW;indirect_evaporative;P indirect evaporative;h100;operating;CDC/EC3
CDC Marsden Park;CDC;Marsden Park;NSW;indirect_evaporative;A as the operator's other sites;h100;operating;corrected:CDC/MP3
Digital Realty SYD11;Digital Realty;Erskine Park;NSW;dx;A;a100;operating;Digital Realty/SYD11
Equinix SY7;Equinix;Unanderra;NSW;dx;A;h100;operating;Equinix/SY7
Leading Edge NTL1;Leading Edge DC;Newcastle;NSW;dx;A modular;h100;operating;
Leading Edge TMW1;Leading Edge DC;Tamworth;NSW;dx;A modular;l40s;operating;
Leading Edge DBO1;Leading Edge DC;Dubbo;NSW;airside;A modular, dry inland;l40s;operating;
Leading Edge ABX1;Leading Edge DC;Albury;NSW;airside;A modular, dry inland;h100;operating;
Leading Edge WGA1;Leading Edge DC;Wagga Wagga;NSW;airside;A modular, dry inland;l40s;operating;
Leading Edge CFS1;Leading Edge DC;Coffs Harbour;NSW;dx;A modular;h100;operating;
Edge Centres Grafton;Edge Centres;Grafton;NSW;dx;A modular;l40s;operating;
Edge Centres Nowra;Edge Centres;Nowra;NSW;dx;A modular;l40s;operating;
CDC Fyshwick;CDC;Canberra;ACT;indirect_evaporative;P indirect evaporative;h100;operating;CDC/FY1
CDC Hume;CDC;Canberra;ACT;indirect_evaporative;P indirect evaporative;a100;operating;CDC/HU1
CDC Beard;CDC;Canberra;ACT;indirect_evaporative;A as the operator's other sites;h100;operating;corrected:-35.342,149.210
Equinix CA1;Equinix;Canberra;ACT;dx;A;l40s;operating;Equinix/CA1
NEXTDC M1;NEXTDC;Port Melbourne;VIC;waterside;P chilled water;h100;operating;NextDC/M1
NEXTDC M2;NEXTDC;Tullamarine;VIC;airside;A as the operator's other sites;h100;operating;NextDC/M2
NEXTDC M3;NEXTDC;West Footscray;VIC;airside;A as the operator's other sites;h200;operating;NextDC/M3
AirTrunk MEL1;AirTrunk;Derrimut;VIC;indirect_evaporative;P indirect evaporative;h100;operating;Airtrunk/MEL1
CDC Brooklyn;CDC;Brooklyn;VIC;indirect_evaporative;P indirect evaporative;h100;operating;CDC/BK1
Fujitsu Noble Park;Fujitsu;Noble Park;VIC;dx;A PUE of 1.6;a100;operating;Fujitsu/Noble Park DC
NEXTDC GE1;NEXTDC;Geelong;VIC;airside;A as the operator's other sites;h100;under construction;NextDC/GE1
Edge Centres Bendigo;Edge Centres;Bendigo;VIC;airside;A modular, dry inland;l40s;operating;
Edge Centres Traralgon;Edge Centres;Traralgon;VIC;dx;A modular;l40s;operating;
Leading Edge Mildura;Leading Edge DC;Mildura;VIC;indirect_evaporative;A hot and dry;h100;planned;
NEXTDC B1;NEXTDC;Brisbane;QLD;dx;A PUE of 1.6;a100;operating;NextDC/B1
NEXTDC B2;NEXTDC;Fortitude Valley;QLD;airside;P indirect free cooling;h100;operating;NextDC/B2
Equinix BR1;Equinix;Fortitude Valley;QLD;dx;A;h100;operating;Equinix/BR1
NEXTDC GC1;NEXTDC;Gold Coast;QLD;dx;A warm coast;h100;operating;
NEXTDC SC1;NEXTDC;Maroochydore;QLD;dx;A warm coast;h100;operating;
Pulse DC Toowoomba;Pulse DC;Toowoomba;QLD;airside;A cool upland;h100;operating;
Edge Centres Mackay;Edge Centres;Mackay;QLD;dx;A tropical;l40s;operating;
Edge Centres Townsville;Edge Centres;Townsville;QLD;dx;A tropical;h100;operating;
Edge Centres Cairns;Edge Centres;Cairns;QLD;dx;A tropical;l40s;operating;
NEXTDC A1;NEXTDC;Adelaide;SA;airside;A PUE of 1.25;h100;operating;
Equinix AE1;Equinix;Adelaide;SA;dx;P air-cooled chillers;a100;operating;Equinix/AE1
DCI Adelaide;DCI;Adelaide;SA;waterside;A;h100;operating;
NEXTDC P1;NEXTDC;Malaga;WA;airside;P indirect free cooling;h100;operating;NextDC/P1
NEXTDC P2;NEXTDC;Perth;WA;airside;P indirect free cooling;h100;operating;NextDC/P2
Equinix PE2;Equinix;Shenton Park;WA;waterside;A;l40s;operating;Equinix/PE2
NEXTDC Port Hedland;NEXTDC;Port Hedland;WA;dx;A hot;h100;operating;
NEXTDC D1;NEXTDC;Darwin;NT;dx;A tropical, PUE of 1.5;h100;operating;
DCI Darwin;DCI;Darwin;NT;waterside;A;a100;operating;
Edge Centres Hobart;Edge Centres;Hobart;TAS;airside;A cool;h100;operating;
Firmus Launceston;Firmus;Launceston;TAS;waterside;A liquid-cooled servers;h100;under construction;
"""
_REGIONS = {
    "NSW": "NSW1",
    "ACT": "NSW1",
    "VIC": "VIC1",
    "QLD": "QLD1",
    "SA": "SA1",
    "TAS": "TAS1",
    "WA": "WEM",
    "NT": "NT",
}
_ZONES = {
    "NSW": "Australia/Sydney", "ACT": "Australia/Sydney", "VIC": "Australia/Melbourne", "QLD": "Australia/Brisbane",
    "SA": "Australia/Adelaide", "TAS": "Australia/Hobart", "WA": "Australia/Perth", "NT": "Australia/Darwin",
}  # fmt: skip
_COLUMNS = ("name", "operator", "city", "state", "plant", "plant_source", "hardware", "status", "coordinates")


def sites(data: Path, origins: pd.DataFrame) -> pd.DataFrame:
    """The table of sites."""
    rows = [dict(zip(_COLUMNS, line.split(";"), strict=True)) for line in _SITES.strip().splitlines()]
    table = pd.DataFrame(rows)
    known = pd.read_csv(data / "physics" / "au_dc_sites_with_coords.csv")
    places = gazetteer(data)
    located = [_locate(row, known, places) for row in rows]
    table["latitude"], table["longitude"], table["coordinates_source"] = zip(*located, strict=True)
    table["region"] = table["state"].map(_REGIONS)
    table["timezone"] = table["state"].map(_ZONES)
    table["plant_source"] = table["plant_source"].map(_plant_source)
    table["gpus"] = _gpus(table, origins)
    table["gpus_per_replica"] = _GPUS_PER_REPLICA
    rated = np.array([(HARDWARE[h].peak_power + HARDWARE[h].server_power) / 1000.0 for h in table["hardware"]])
    table["facility_limit_kw"] = (_LIMIT * rated * table["gpus"]).round(1)
    order = ["name", "operator", "city", "state", "region", "latitude", "longitude", "timezone", "plant", "hardware", "gpus",
             "gpus_per_replica", "facility_limit_kw", "status", "plant_source", "coordinates_source"]  # fmt: skip
    return table[order].round({"latitude": 4, "longitude": 4})


def _locate(row: dict[str, str], known: pd.DataFrame, places: pd.DataFrame) -> tuple[float, float, str]:
    where = row["coordinates"]
    if not where:
        return (*place(places, row["city"], row["state"]), "town centre (GeoNames)")
    corrected = where.startswith("corrected:")
    where = where.removeprefix("corrected:")
    if where.startswith("-"):
        latitude, longitude = (float(number) for number in where.split(","))
        return latitude, longitude, "suburb; Open Electricity had another city's"
    operator, site = where.split("/")
    found = known[(known["operator"] == operator) & (known["site"] == site)]
    if len(found) != 1 or pd.notna(found["flag"].iloc[0]):
        raise LookupError(f"the coordinates table has no sound row for {where}")
    source = f"suburb, as {operator} {site}; Open Electricity had another city's" if corrected else "Open Electricity"
    return float(found["lat"].iloc[0]), float(found["lon"].iloc[0]), source


def _plant_source(text: str) -> str:
    kind, _, rest = text.partition(" ")
    return f"published: {rest}" if kind == "P" else f"assumption{': ' + rest if rest else ''}"


def _gpus(table: pd.DataFrame, origins: pd.DataFrame) -> np.ndarray:
    """GPUs by population served: each origin counts for the sites within 60 km alike, or else for its nearest."""
    distance = distance_km(origins, table)
    served = (distance <= _SERVES_KM) | (distance == distance.min(1, keepdims=True))
    people = (served / served.sum(1, keepdims=True) * origins["population"].to_numpy()[:, None]).sum(0)
    share = _GPUS * people / people.sum()
    return np.maximum(np.round(share / _MULTIPLE) * _MULTIPLE, _LEAST).astype(int)
