"""Fit the parameters of any model to measurements, with errors, and with scores on time that was held out."""

from jaxsched.calibrate._fit import Fit, fit
from jaxsched.calibrate._latency import fit_latency
from jaxsched.calibrate._latency_result import LatencyFit, LatencyScore, latency_table, score_latency, split_log
from jaxsched.calibrate._methods import (
    AbstractLoss,
    AbstractMethod,
    Cauchy,
    Descent,
    Huber,
    LeastSquares,
    Pinball,
    Squared,
)
from jaxsched.calibrate._model_file import load_model, load_provenance, model_text, save_model
from jaxsched.calibrate._observations import CalibrationError, Observations
from jaxsched.calibrate._parameters import parameter_names
from jaxsched.calibrate._posterior import Posterior, posterior
from jaxsched.calibrate._schedules import fit_schedules
from jaxsched.calibrate._table import Column, model_of, observations_of, predictor_of
from jaxsched.calibrate._validation import Scores, last_part, scores

__all__ = [
    "AbstractLoss",
    "AbstractMethod",
    "CalibrationError",
    "Cauchy",
    "Column",
    "Descent",
    "Fit",
    "Huber",
    "LatencyFit",
    "LatencyScore",
    "LeastSquares",
    "Observations",
    "Pinball",
    "Posterior",
    "Scores",
    "Squared",
    "fit",
    "fit_latency",
    "fit_schedules",
    "last_part",
    "latency_table",
    "load_model",
    "load_provenance",
    "model_of",
    "model_text",
    "observations_of",
    "parameter_names",
    "posterior",
    "predictor_of",
    "save_model",
    "score_latency",
    "scores",
    "split_log",
]
