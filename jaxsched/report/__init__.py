"""Tables, plots and the record of a run."""

from jaxsched.report._sensitivity_tables import SensitivityParts, sensitivity_frames, sensitivity_summary
from jaxsched.report._summary import PolicyRun, summarise
from jaxsched.report._tables import cost_table, policy_table, routes_frame, savings_table, site_frame

__all__ = [
    "PolicyRun",
    "SensitivityParts",
    "cost_table",
    "policy_table",
    "routes_frame",
    "savings_table",
    "sensitivity_frames",
    "sensitivity_summary",
    "site_frame",
    "summarise",
]
