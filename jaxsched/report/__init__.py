"""Tables, plots and the record of a run."""

from jaxsched.report._files import OutputError, sha256, whole_directory, whole_file, write_json
from jaxsched.report._manifest import manifest
from jaxsched.report._summary import PolicyRun, filled, summarise, trade_offs
from jaxsched.report._tables import cost_table, policy_table, routes_frame, savings_table, site_frame

__all__ = [
    "OutputError",
    "PolicyRun",
    "cost_table",
    "filled",
    "manifest",
    "policy_table",
    "routes_frame",
    "savings_table",
    "sha256",
    "site_frame",
    "summarise",
    "trade_offs",
    "whole_directory",
    "whole_file",
    "write_json",
]
