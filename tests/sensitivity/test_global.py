"""Indices of functions that are known, through the same code as those of a study."""

import jax.numpy as jnp
import numpy as np
import pytest

from jaxsched.sensitivity import DEFAULT_RANGES, OUTPUTS, Range, response, sample

# Ishigami and Homma (1990) with a = 7, b = 0.1: analytic indices.
A, B = 7.0, 0.1
VARIANCE = A**2 / 8 + B * np.pi**4 / 5 + B**2 * np.pi**8 / 18 + 0.5
FIRST = np.array([0.5 * (1 + B * np.pi**4 / 5) ** 2, A**2 / 8, 0.0]) / VARIANCE
TOTAL = FIRST + np.array([1.0, 0.0, 1.0]) * (B**2 * np.pi**8 * (1 / 18 - 1 / 50)) / VARIANCE
RANGES = [Range(name, -np.pi, np.pi, "rad") for name in ("x1", "x2", "x3")]


def ishigami(x):
    return (jnp.sin(x[0]) + A * jnp.sin(x[1]) ** 2 + B * x[2] ** 4 * jnp.sin(x[0]))[None]


@pytest.fixture(scope="module")
def sobol():
    return sample(ishigami, RANGES, outputs=["y"], samples=2048, chunk=1000)


def test_sobol_indices_of_ishigami_lie_within_their_intervals(sobol):
    indices = sobol.indices()
    for name, truth in (("first", FIRST), ("total", TOTAL)):
        # Six intervals of 95 %: one and a half half-widths hold them all with 98 %.
        assert (np.abs(indices.values[name][:, 0] - truth) <= 1.5 * indices.half_widths[name][:, 0]).all(), name
        assert (indices.half_widths[name] < 0.1).all()


def test_intervals_shrink_as_the_sample_grows(sobol):
    steps = sobol.convergence()
    assert [step.samples for step in steps] == [256, 512, 1024, 2048]
    widths = [step.half_widths["total"].mean() for step in steps]
    assert widths == sorted(widths, reverse=True)


def test_morris_finds_what_matters_and_what_interacts():
    taken = sample(
        lambda x: jnp.stack([2.0 * x[0] + x[1] ** 2, 5.0 * x[2]]), RANGES, outputs=["y", "z"], method="morris"
    )
    indices = taken.indices()
    width = 2 * np.pi
    # A linear effect is the slope times the width of the range, without spread.
    assert indices.values["mean"][0, 0] == pytest.approx(2 * width)
    assert indices.values["deviation"][0, 0] == pytest.approx(0.0, abs=1e-9)
    assert indices.values["deviation"][1, 0] > 1.0
    np.testing.assert_allclose(indices.values["mean_absolute"][:, 1], [0, 0, 5 * width], atol=1e-9)


def test_the_chunks_make_no_difference_and_progress_is_told():
    told = []
    whole = sample(ishigami, RANGES, outputs=["y"], samples=8, chunk=1000)
    parts = sample(ishigami, RANGES, outputs=["y"], samples=8, chunk=7, progress=lambda *at: told.append(at))
    np.testing.assert_allclose(parts.values, whole.values, rtol=1e-12)
    assert told[0] == (7, 40)
    assert told[-1] == (40, 40)


def test_an_output_that_does_not_vary_has_no_shares():
    indices = sample(lambda x: jnp.ones(1), RANGES, outputs=["y"], samples=8).indices()
    assert (indices.values["total"] == 0).all()


def test_a_study_is_sampled_by_the_same_call(study):
    ranges = [DEFAULT_RANGES[0], Range("demand", 0.8, 1.0, "times")]
    taken = sample(
        response(study, ranges, rtol=1e-3), ranges, outputs=list(OUTPUTS), method="morris", samples=2, chunk=6
    )
    cost, energy = (taken.indices().values["mean"][:, n] for n in (0, 1))
    assert cost[1] > cost[0] > 0
    assert energy[1] > 0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"ranges": []}, "there is no parameter to vary"),
        ({"samples": 12}, "sobol needs a power of two"),
        ({"samples": 1, "method": "morris"}, "morris needs at least 2"),
        ({"method": "fast"}, "method is 'fast'; give 'sobol' or 'morris'"),
        ({"ranges": [Range("x", 1.0, 1.0)]}, r"the range of x is \[1, 1\]; low must be a number below high"),
        ({"ranges": [Range("x", float("nan"), 1.0)]}, "the range of x is"),
        ({"ranges": [RANGES[0], RANGES[0]]}, "two ranges have one name"),
        ({"chunk": 0}, "chunk is 0"),
        ({"outputs": ["y", "z"]}, "gives 1 outputs, but 2 are named"),
        ({"function": lambda x: jnp.log(x[:1])}, "y is not a number at x1 = "),
    ],
)
def test_what_cannot_be_sampled_is_said_in_one_sentence(change, words):
    how = {"function": ishigami, "ranges": RANGES, "outputs": ["y"], "samples": 4, "chunk": 20} | change
    with pytest.raises(ValueError, match=words):
        sample(how.pop("function"), how.pop("ranges"), **how)


@pytest.mark.parametrize(
    ("one", "words"),
    [
        (Range("warmth", 0.0, 1.0), "there is no parameter `warmth`; did you mean `warming`"),
        (Range("demand", -1.0, 1.0), r"the range of demand is \[-1, 1\]; it must lie in \[0, 100\]"),
    ],
)
def test_a_range_of_a_study_is_checked(study, one, words):
    with pytest.raises(ValueError, match=words):
        response(study, [one])
