"""Tables, plots and the record of a run."""

from jaxsched.report._files import OutputError, sha256, whole_directory, whole_file, write_json
from jaxsched.report._manifest import manifest
from jaxsched.report._sensitivity_tables import (
    SensitivityParts,
    answers_frame,
    indices_frame,
    local_frame,
    planner_prices,
    price_frame,
    sensitivity_frames,
    sensitivity_summary,
)
from jaxsched.report._summary import PolicyRun, filled, summarise, trade_offs
from jaxsched.report._tables import cost_table, policy_table, routes_frame, savings_table, site_frame

__all__ = [
    "OutputError",
    "PolicyRun",
    "SensitivityParts",
    "answers_frame",
    "cost_table",
    "filled",
    "indices_frame",
    "local_frame",
    "manifest",
    "planner_prices",
    "policy_table",
    "price_frame",
    "routes_frame",
    "savings_table",
    "sensitivity_frames",
    "sensitivity_summary",
    "sha256",
    "site_frame",
    "summarise",
    "trade_offs",
    "whole_directory",
    "whole_file",
    "write_json",
]
