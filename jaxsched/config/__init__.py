"""Configuration files: their keys, how they are read, and the scenario that they describe."""

from jaxsched.config._build import build_scenario
from jaxsched.config._calibration import CalibrationConfig, LatencyConfig, load_calibration
from jaxsched.config._load import ConfigError, load_config
from jaxsched.config._models import with_models
from jaxsched.config._schema import Config

__all__ = [
    "CalibrationConfig",
    "Config",
    "ConfigError",
    "LatencyConfig",
    "build_scenario",
    "load_calibration",
    "load_config",
    "with_models",
]
