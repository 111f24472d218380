"""Configuration files: their keys, how they are read, and the scenario that they describe."""

from jaxsched.config._build import build_scenario, input_files
from jaxsched.config._load import ConfigError, load_config
from jaxsched.config._schema import Config

__all__ = ["Config", "ConfigError", "build_scenario", "input_files", "load_config"]
