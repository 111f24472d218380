"""Whether a derivative is right: against central differences of the function itself."""

import dataclasses
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

# Share of the size of the value below which a derivative along a relative change counts as nothing.
_NOTHING = 1e-3


class GradientError(RuntimeError):
    """A derivative and the central differences disagree; the message says in which mode and by how much."""


@dataclasses.dataclass(frozen=True)
class GradCheck:
    """Derivatives along random directions by three ways, and how far they lie apart.

    Attributes:
        finite: By central differences [direction].
        forward: By forward mode [direction].
        reverse: By reverse mode [direction].
        scale: What errors are relative to: the size of the terms that add up to a derivative, or a thousandth of the value
            where the derivative is next to nothing [direction].
        rtol: Largest relative error that counts as agreement.
    """

    finite: np.ndarray
    forward: np.ndarray
    reverse: np.ndarray
    scale: np.ndarray
    rtol: float

    @property
    def error(self) -> float:
        """Largest relative error of either mode; NaN where a derivative is not a number."""
        return max(self.forward_error, self.reverse_error, key=lambda e: np.inf if np.isnan(e) else e)

    @property
    def forward_error(self) -> float:
        """Largest relative error of forward mode."""
        return float((np.abs(self.forward - self.finite) / self.scale).max())

    @property
    def reverse_error(self) -> float:
        """Largest relative error of reverse mode."""
        return float((np.abs(self.reverse - self.finite) / self.scale).max())

    @property
    def agrees(self) -> bool:
        """Whether all three agree."""
        return self.error <= self.rtol

    def __str__(self) -> str:
        found = f"forward mode errs by {self.forward_error:.1e}, reverse mode by {self.reverse_error:.1e}"
        if self.agrees:
            return f"The derivative agrees with central differences: {found} (relative; {self.rtol:.0e} is allowed)."
        worst = int(np.argmax(np.maximum(np.abs(self.forward - self.finite), np.abs(self.reverse - self.finite))))
        return (
            f"The derivative and central differences disagree: {found} (relative; {self.rtol:.0e} is allowed). Along "
            f"direction {worst} the differences give {self.finite[worst]:.8g}, forward mode {self.forward[worst]:.8g}, "
            f"reverse mode {self.reverse[worst]:.8g}. Either (a) the derivative is wrong, or (b) the function has a kink "
            "there, or (c) its values hold too much noise for the step: solve to a tighter tolerance or raise `step`."
        )


def grad_check(
    function: Callable[[Any], Any],
    argument: Any,
    *,
    directions: int = 3,
    step: float = 1e-5,
    rtol: float = 1e-4,
    seed: int = 0,
    throw: bool = True,
) -> GradCheck:
    """Compare forward and reverse mode with central differences along random directions.

        (f(a + step v) - f(a - step v)) / (2 step),    v = normal x |a|,  entry by entry

    Every entry moves in proportion to itself, so that zeros (a demand, a forbidden route's cost) stay zeros. An output
    that is no scalar is weighed by a random normal vector. For float64; the function is called 2 x directions times on
    the host, where failed solves raise.

    Arguments:
        function: From a pytree to one floating-point array, for instance parameters -> solve(problem(parameters)).load.
        argument: Where to check; its floating-point arrays vary.
        directions: Number of random directions, >= 1.
        step: Relative step of the differences, > 0. Their error is step^2 times the third derivative, plus the noise of
            the function over the step: a solve to a certified gap e has noise sqrt(e) in its schedule.
        rtol: Largest relative error allowed, > 0.
        seed: Of the directions and weights.
        throw: Whether disagreement raises.

    Returns:
        The three derivatives along each direction; `print` gives a sentence.

    Raises:
        GradientError: If they disagree.
        ValueError: If a setting is out of its range or the argument has nothing that varies.
    """
    varying, rest = eqx.partition(argument, eqx.is_inexact_array)
    if directions < 1 or not step > 0 or not rtol > 0:
        raise ValueError(f"directions is {directions}, step {step:g}, rtol {rtol:g}; they must be >= 1, > 0 and > 0.")
    if not jax.tree.leaves(varying):
        raise ValueError("the argument holds no floating-point array; give it as jnp.asarray(...).")
    random = np.random.default_rng(seed)

    def of(varying):
        return function(eqx.combine(varying, rest))

    value, pull = jax.vjp(of, varying)
    weights = (
        jnp.asarray(random.normal(size=jnp.shape(value)), value.dtype) if jnp.ndim(value) else jnp.ones_like(value)
    )
    gradient = pull(weights)[0]
    least = max(_NOTHING * float(jnp.linalg.norm(jnp.ravel(weights * value))), float(np.finfo(float).tiny))
    rows = [_along(of, varying, gradient, weights, step, random, least) for _ in range(directions)]
    result = GradCheck(*np.array(rows).T, rtol=rtol)
    if throw and not result.agrees:
        raise GradientError(str(result))
    return result


def _along(
    of: Callable[[Any], Any],
    at: Any,
    gradient: Any,
    weights: Any,
    step: float,
    random: np.random.Generator,
    least: float,
) -> tuple[float, float, float, float]:
    """Finite, forward and reverse derivative along one direction, and the size of their terms."""
    move = jax.tree.map(lambda x: jnp.asarray(random.normal(size=x.shape), x.dtype) * jnp.abs(x), at)
    ahead, behind = (of(jax.tree.map(lambda x, v, h=h: x + h * v, at, move)) for h in (step, -step))
    finite = float((weights * (ahead - behind)).sum()) / (2.0 * step)
    forward = float((weights * jax.jvp(of, (at,), (move,))[1]).sum())
    terms = np.concatenate(
        [np.ravel(np.asarray(g * v)) for g, v in zip(*map(jax.tree.leaves, (gradient, move)), strict=True)]
    )
    scale = max(abs(finite), abs(forward), float(np.linalg.norm(terms)), least)
    return finite, forward, float(terms.sum()), scale
