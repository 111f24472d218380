"""Tell what a file is by its columns, and read it."""

import dataclasses
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jaxsched.scenarios.countries import Country, country
from jaxsched.scenarios.readers._carbon import (
    read_carbon_table,
    read_cdeii,
    read_cdeii_table,
    read_electricity_maps,
)
from jaxsched.scenarios.readers._epw import read_epw
from jaxsched.scenarios.readers._generation import read_opennem_long, read_opennem_wide
from jaxsched.scenarios.readers._market import (
    read_aemo_price_and_demand,
    read_dispatch_price,
    read_nem_price_table,
    read_nemweb,
    read_wem_balancing,
)
from jaxsched.scenarios.readers._network import RoundTrips, read_city_pairs, read_matrix, read_pings
from jaxsched.scenarios.readers._opennem_json import read_opennem_json
from jaxsched.scenarios.readers._places import read_geonames, read_geonames_dump, read_servers
from jaxsched.scenarios.readers._plain import read_plain
from jaxsched.scenarios.readers._rates import RequestRates, read_request_rates
from jaxsched.scenarios.readers._raw import (
    BadCell,
    ReadError,
    header,
    is_json_lines,
    is_text,
    leading_rows,
    lines_of,
    peek,
)
from jaxsched.scenarios.readers._recording import Recording
from jaxsched.scenarios.readers._requests import RequestLog
from jaxsched.scenarios.readers._rows import AnyOriginRow, AnySiteRow, Rows, read_origins, read_sites
from jaxsched.scenarios.readers._text import names_of, unreadable
from jaxsched.scenarios.readers._traces import (
    read_azure_trace,
    read_burstgpt,
    read_latency_log,
    read_request_table,
    read_servegen_rates,
    read_splitwise,
    read_vidur,
)
from jaxsched.scenarios.readers._weather import (
    read_half_hourly_temperature,
    read_open_meteo_csv,
    read_open_meteo_json,
    read_weather_table,
)

# Size [bytes] beyond which a text file is judged by its first rows before all of it is read.
_LARGE_BYTES = 64_000_000
_LEADING_ROWS = 10_000
_DUMP_COLUMNS = 19
# Keys of OpenNEM's JSON in all its versions.
_OPENNEM = re.compile(r'"(history|fuel_tech|network_code|results)"\s*:')
# What stands in the corner of a matrix of times between two kinds of places, whose names are no column of a table of them.
_CORNERS = ("", "origin", "origins", "from", "to", "site", "sites", "rtt", "rtt ms", "ms", "origin site", "from to")


Readable = Recording | RequestLog | RequestRates | RoundTrips | Rows
"""What a reader returns: a time series, a log of requests, a table of requests, round-trip times, or one row per thing."""


@dataclasses.dataclass(frozen=True)
class Format:
    """A kind of file.

    Attributes:
        kind: Its name.
        about: What it is, in a few words.
        columns: Patterns of the columns, in lower case, that tell it from the others.
        read: Its reader; that of a table of places needs the country whose states and regions it may name.
        of_country: Whether it does.
    """

    kind: str
    about: str
    columns: tuple[str, ...]
    read: Callable[..., Readable]
    of_country: bool = False

    def read_in(self, path: Path, where: Country) -> Readable:
        """What a file of this kind holds, in a country."""
        return self.read(path, where) if self.of_country else self.read(path)


# The first whose columns are all there; those that need more columns come first.
FORMATS = (
    Format("aemo_price_and_demand", "AEMO price and demand", ("region", "settlementdate", "totaldemand", "rrp"),
           read_aemo_price_and_demand),
    Format("cdeii", "AEMO CDEII", ("settlementdate", "regionid", "co2e_intensity_index"), read_cdeii),
    Format("dispatch_price", "NEMOSIS or MMS DISPATCHPRICE", ("settlementdate", "regionid", "rrp"), read_dispatch_price),
    Format("nem_price_table", "NEM price table", ("datetime_nem_end", "rrp_aud_mwh"), read_nem_price_table),
    Format("wem_balancing_price", "WEM balancing price", ("datetime_awst_start", "final_price_aud_mwh"), read_wem_balancing),
    Format("wem_balancing_price", "WEM balancing summary", ("trading interval", "final price.*"), read_wem_balancing),
    Format("electricity_maps", "Electricity Maps", (r"datetime \(utc\)", "zone id", "carbon intensity.*"), read_electricity_maps),
    Format("carbon_table", "carbon table", ("datetime_utc", "zone", "ci_direct", "ci_lca"), read_carbon_table),
    Format("cdeii_table", "CDEII table", ("region", "date", "aemo_cdeii_intensity"), read_cdeii_table),
    Format("opennem_long", "OpenNEM long table", ("region", "series", "value", "t"), read_opennem_long),
    Format("opennem_export", "OpenNEM export", ("datetime_nem", ".+_mw", "price.*"), read_opennem_wide),
    Format("opennem_export", "OpenNEM CSV export", ("date", ".+ - +mw", "price.*"), read_opennem_wide),
    Format("weather_table", "weather table", ("datetime_utc", "zone", "temp_c"), read_weather_table),
    Format("half_hourly_temperature", "half-hourly temperatures", ("city", "datetime_clock", "temp_c"), read_half_hourly_temperature),
    Format("azure_trace", "Azure LLM trace", ("timestamp", "contexttokens", "generatedtokens"), read_azure_trace),
    Format("burstgpt", "BurstGPT log", ("timestamp", "model", "request tokens", "response tokens"), read_burstgpt),
    Format("splitwise", "Splitwise trace", ("arrival_timestamp", "prompt_size", "token_size"), read_splitwise),
    Format("vidur", "Vidur trace", ("arrived_at", "num_prefill_tokens", "num_decode_tokens"), read_vidur),
    Format("servegen_rates", "ServeGen rates", ("model", "t_s", "rate_req_s"), read_servegen_rates),
    Format("request_rates", "table of requests of the package", ("start_utc", "requests|requests_per_s"), read_request_rates),
    Format("jaxsched_table", "table of the package", (r"start_utc|time_utc|start_s", "place"), read_plain),
    Format("request_log", "request log of the package", (r"arrived_utc|arrived_s", "prompt_tokens", "answer_tokens"),
           read_request_table),
    Format("latency_log", "latency log of a server", ("arrival", "prompt_tokens", "output_tokens", "ttft_s"), read_latency_log),
    Format("wondernetwork_pings", "WonderNetwork pings", ("source", "destination", "min"), read_pings),
    Format("city_pairs", "round-trip times of city pairs", ("from_city", "to_city", "min|rtt_ms"), read_city_pairs),
    Format("sites", "edge sites of the user", ("name", "latitude", "longitude", "plant", "gpus"), read_sites, True),
    Format("geonames", "GeoNames places", ("geonameid", "name", "latitude", "longitude", "population"), read_geonames, True),
    Format("origins", "population centres of the user", ("name", "latitude", "longitude", "state", "population"), read_origins, True),
    Format("servers", "measuring servers", ("id", "city", "country", "latitude", "longitude"), read_servers),
    # Told by their first lines.
    Format("epw", "EnergyPlus weather", (), read_epw),
    Format("opennem_json", "OpenNEM or Open Electricity JSON", (), read_opennem_json),
    Format("open_meteo_json", "Open-Meteo JSON", (), read_open_meteo_json),
    Format("open_meteo_csv", "Open-Meteo CSV", (), read_open_meteo_csv),
    Format("nemweb", "NEMWEB dispatch price report", (), read_nemweb),
    Format("nemweb_cdeii", "NEMWEB CDEII report", (), read_cdeii),
    Format("geonames_dump", "GeoNames dump", (), read_geonames_dump, True),
    Format("rtt_matrix", "matrix of round-trip times, square or origins by sites", (), read_matrix),
)  # fmt: skip


def read(path: Path | str, where: Country | None = None) -> Readable:
    """Read any file that the package knows, whatever it is.

    Arguments:
        path: The file.
        where: The country whose states and regions a table of places may name; Australia where not given.

    Raises:
        ReadError: One sentence that names the file and what is wrong with it.
    """
    path, where = Path(path), where or country("australia")
    try:
        known = recognise(path)
        if is_text(path) and path.stat().st_size > _LARGE_BYTES:
            _check_beginning(known, path, where)
        return known.read_in(path, where)
    except MemoryError:
        raise ReadError(f"{path.name}: is too large for the memory of this machine; cut it into parts.") from None


def _check_beginning(known: Format, path: Path, where: Country) -> None:
    """Refuse a large file whose first rows are wrong without reading it to its end."""
    with leading_rows(_LEADING_ROWS):
        try:
            known.read_in(path, where)
        except BadCell:
            raise
        except ReadError:  # what the first rows alone cannot tell, such as the step
            return


def _check_path(path: Path) -> None:
    try:
        if path.is_dir():
            raise ReadError(f"{path}: is a directory; give a file.")
        if not path.exists():
            raise ReadError(f"{path}: there is no such file; check the path.")
        if not path.is_file():
            raise ReadError(f"{path}: is no plain file; save what it gives as a file.")
    except OSError as error:
        raise unreadable(path, error) from None


def recognise(path: Path | str) -> Format:
    """The kind of a file by its beginning.

    Raises:
        ReadError: If it is none that the package knows.
    """
    path = Path(path)
    _check_path(path)
    by_text = _by_text(path) if is_text(path) and not is_json_lines(path) else None
    if by_text is not None:
        return by_text
    names = [name.lower() for name in header(path)]
    for known in FORMATS:
        if known.columns and all(any(re.fullmatch(pattern, name) for name in names) for pattern in known.columns):
            return known
    shown = ", ".join(name[:30] for name in header(path)[:8]) or "no columns"
    raise ReadError(
        f"{path.name}: is none of the kinds of file that are known (its columns: {shown}); `jaxsched data kinds` lists "
        "them, and `[inputs.mappings]` of a configuration reads any other table."
    )


def _by_text(path: Path) -> Format | None:
    """The kind of a text file that is told by its first lines and not by the names of its columns."""
    head, suffix = peek(path), Path(path.name.lower().removesuffix(".gz")).suffix
    if suffix == ".epw" or head.upper().startswith("LOCATION,"):
        return _kind("epw")
    if head.lstrip().startswith(("{", "[")):
        return _kind("opennem_json" if _OPENNEM.search(head) and '"hourly"' not in head else "open_meteo_json")
    if head.lower().startswith("latitude,longitude,elevation,utc_offset_seconds"):
        return _kind("open_meteo_csv")
    if head.startswith("C,"):
        return _kind("nemweb_cdeii" if "\nI,CO2EII," in head else "nemweb")
    first, second = (names_of(line) for line in [*lines_of(head)[:2], "", ""][:2])
    if suffix == ".txt" and len(first) == _DUMP_COLUMNS and first[0].isdigit():
        return _kind("geonames_dump")
    return _kind("rtt_matrix") if _is_matrix(first, second) else None


def _is_matrix(header: list[str], row: list[str]) -> bool:
    """Whether two lines begin a matrix of times: its places are in both, or its corner is empty or says what it is."""
    if len(header) < 2 or len(row) != len(header):
        return False
    if len(header) > 2 and row[0] in header[1:]:
        return True
    if {name.lower() for name in header} & {*AnySiteRow.model_fields, *AnyOriginRow.model_fields}:
        return False
    corner = re.sub(r"[^a-z]+", " ", header[0].lower()).strip()
    return corner in _CORNERS and _is_word(row[0]) and not any(_is_word(cell) for cell in row[1:])


def _is_word(cell: str) -> bool:
    """Whether a cell is neither a number nor empty nor a time."""
    return re.match(r"\s*($|nan$|na$|[-+.\d])", cell, re.IGNORECASE) is None


def _kind(name: str) -> Format:
    return next(known for known in FORMATS if known.kind == name)


def describe(path: Path | str, where: Country | None = None) -> dict[str, Any]:
    """What a file was recognised as, its clock, step, range, gaps and units; values are JSON.

    Raises:
        ReadError: If it cannot be read.
    """
    found = read(path, where).describe()
    return json.loads(json.dumps(found, default=str))
