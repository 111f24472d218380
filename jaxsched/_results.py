"""The verdict of a solve, as a value that survives `jit` and `vmap`."""

import equinox as eqx


class RESULTS(eqx.Enumeration):
    """What became of a solve."""

    successful = "The certified gap is within the tolerance that was asked for."
    max_steps = (
        "The certified gap did not reach the tolerance within max_steps. The routing is feasible and its bound is "
        "valid; raise `max_steps` or `rtol`, or set `atol` where costs cancel to nearly nothing."
    )
    precision = (
        "The iteration came to rest above the tolerance: more steps show no smaller certified gap. The routing is feasible "
        "and its bound is valid; raise `rtol`, or set `atol` where costs cancel to nearly nothing."
    )
    infeasible = (
        "No routing can serve all requests within the capacities and the allowed routes: the prices in "
        "`schedule.prices` prove it for the slots whose bound is infinite. Add capacity, "
        "allow more routes or lower demand."
    )
    no_routing = (
        "No routing within the capacities was found, and none was proved impossible: the work fits so tightly that "
        "more steps are needed. Raise `max_steps`, or leave some spare capacity."
    )
    nonfinite = (
        "A cost or bound became NaN or infinite. Either (a) a site cost is not convex or not finite on [0, capacity], "
        "or (b) the numbers are too large for their precision: use other units or float64."
    )


class InfeasibleError(ValueError):
    """The requests cannot all be served; the message names where and by how much."""


class SolveError(RuntimeError):
    """A solve did not reach its tolerance; the message says what to change."""
