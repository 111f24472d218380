"""Fit the parameters of any model to measurements, with errors, and with scores on time that was held out."""

from jaxsched.calibrate._files import load_model, load_provenance, model_text, save_model
from jaxsched.calibrate._fit import fit
from jaxsched.calibrate._job import Column, Law, law_of, model_of, observations_of
from jaxsched.calibrate._latency import fit_latency
from jaxsched.calibrate._latency_result import LatencyFit
from jaxsched.calibrate._latency_scores import LatencyScore, latency_table, score_latency, split_log
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
from jaxsched.calibrate._names import parameter_names
from jaxsched.calibrate._observations import CalibrationError, Observations
from jaxsched.calibrate._posterior import Posterior, posterior
from jaxsched.calibrate._result import Fit
from jaxsched.calibrate._schedules import fit_schedules
from jaxsched.calibrate._scores import Scores, scores
from jaxsched.calibrate._split import last_part, time_folds
from jaxsched.calibrate._units import to_model_unit

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
    "Law",
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
    "law_of",
    "load_model",
    "load_provenance",
    "model_of",
    "model_text",
    "observations_of",
    "parameter_names",
    "posterior",
    "save_model",
    "score_latency",
    "scores",
    "split_log",
    "time_folds",
    "to_model_unit",
]
