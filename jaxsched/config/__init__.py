"""Configuration files: their keys, how they are read, and the scenario that they describe."""

from jaxsched.config._build import build_scenario
from jaxsched.config._calibration import CalibrationConfig, LatencyConfig, is_calibration, load_calibration
from jaxsched.config._inputs import absolute_inputs, country_in, input_files, read_inputs
from jaxsched.config._load import ConfigError, load_config, load_partly
from jaxsched.config._models import absolute_models, model_files, with_models
from jaxsched.config._schema import Config
from jaxsched.config._template import schema_text, template

__all__ = [
    "CalibrationConfig",
    "Config",
    "ConfigError",
    "LatencyConfig",
    "absolute_inputs",
    "absolute_models",
    "build_scenario",
    "country_in",
    "input_files",
    "is_calibration",
    "load_calibration",
    "load_config",
    "load_partly",
    "model_files",
    "read_inputs",
    "schema_text",
    "template",
    "with_models",
]
