"""Tables, plots and the record of a run."""

from jaxsched._output import OutputError, output_directory, sha256, whole_directory, whole_file, write_json
from jaxsched.report._failures import apart, failure
from jaxsched.report._manifest import manifest
from jaxsched.report._record import write_record, write_tables
from jaxsched.report._sensitivity_tables import (
    SensitivityParts,
    answers_frame,
    indices_frame,
    local_frame,
    planner_prices,
    price_frame,
    sensitivity_frames,
    sensitivity_summary,
    sensitivity_tables,
)
from jaxsched.report._summary import PolicyRun, filled, summarise, trade_offs
from jaxsched.report._tables import cost_table, policy_table, routes_frame, savings_table, site_frame

__all__ = [
    "OutputError",
    "PolicyRun",
    "SensitivityParts",
    "answers_frame",
    "apart",
    "cost_table",
    "failure",
    "filled",
    "indices_frame",
    "local_frame",
    "manifest",
    "output_directory",
    "planner_prices",
    "policy_table",
    "price_frame",
    "routes_frame",
    "savings_table",
    "sensitivity_frames",
    "sensitivity_summary",
    "sensitivity_tables",
    "sha256",
    "site_frame",
    "summarise",
    "trade_offs",
    "whole_directory",
    "whole_file",
    "write_json",
    "write_record",
    "write_tables",
]
