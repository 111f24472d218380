"""Adapters to solvers through their own interfaces, one slot at a time.

Each takes a problem of one slot and a tolerance, and returns the routing, the seconds of building the standard form and
handing it over (`model`) and of solving (`solve`), and what the solver said. Bounds on a request are left to the caller's
process; nothing stops a solver early but its tolerance.
"""

from importlib import import_module
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse

from benchmarks.clock import Clock
from benchmarks.family import Instance
from benchmarks.peers.program import Program, cones, quadratic_program

_MANY = 1_000_000_000  # iterations: the limit is the clock of the caller


class Answer(NamedTuple):
    """What a solver answered.

    Attributes:
        routing: [slot, origin, site, kind], as the solver left it.
        seconds: Of each phase.
        status: The solver's own word.
        prices: Prices of load [slot, site] where it gives any.
    """

    routing: np.ndarray
    seconds: dict[str, float]
    status: str
    prices: np.ndarray | None = None


def clarabel(instance: Instance, tolerance: float) -> Answer:
    """Clarabel, an interior-point method for cones (Goulart and Chen)."""
    solver: Any = import_module("clarabel")
    clock = Clock()
    with clock("model"):
        program = quadratic_program(instance)
        rows = cones(program)
        kinds = [solver.ZeroConeT(rows.zeros), solver.NonnegativeConeT(rows.positive)]
        kinds += [solver.SecondOrderConeT(3)] * rows.second_order
        settings = solver.DefaultSettings()
        settings.verbose = False
        settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = tolerance
        quadratic = program.quadratic("csc")
        posed = solver.DefaultSolver(quadratic, program.linear, rows.matrix, rows.level, kinds, settings)
    with clock("solve"):
        found = posed.solve()
    return Answer(program.routing(np.asarray(found.x)), clock.seconds, str(found.status))


def scs(instance: Instance, tolerance: float) -> Answer:
    """SCS, operator splitting for cones (O'Donoghue)."""
    import scs as solver

    clock = Clock()
    with clock("model"):
        program = quadratic_program(instance)
        rows = cones(program)
        data = {"P": program.quadratic("csc"), "A": rows.matrix, "b": rows.level, "c": program.linear}
        cone = {"z": rows.zeros, "l": rows.positive, "q": [3] * rows.second_order}
        options = {"eps_abs": tolerance, "eps_rel": tolerance, "max_iters": _MANY, "verbose": False}
        posed = solver.SCS(data, cone, **options)
    with clock("solve"):
        found = posed.solve()
    return Answer(program.routing(found["x"]), clock.seconds, found["info"]["status"])


def osqp(instance: Instance, tolerance: float) -> Answer:
    """OSQP, operator splitting for quadratic programs (Stellato and others)."""
    import osqp as solver

    clock = Clock()
    with clock("model"):
        program = quadratic_program(instance)
        matrix = sparse.vstack([program.equality, sparse.identity(len(program.linear))], format="csc")
        lower = np.concatenate([program.level, program.lower])
        upper = np.concatenate([program.level, program.upper])
        posed = solver.OSQP()
        quadratic = program.quadratic("csc")
        # CVXPY polishes too.
        options = {"eps_abs": tolerance, "eps_rel": tolerance, "max_iter": _MANY, "polishing": True, "verbose": False}
        posed.setup(quadratic, program.linear, matrix, lower, upper, **options)
    with clock("solve"):
        found = posed.solve(raise_error=False)
    return Answer(program.routing(found.x), clock.seconds, found.info.status)


def piqp(instance: Instance, tolerance: float) -> Answer:
    """PIQP, a proximal interior-point method for quadratic programs (Schwan and others)."""
    solver: Any = import_module("piqp")

    clock = Clock()
    with clock("model"):
        program = quadratic_program(instance)
        posed = solver.SparseSolver()
        posed.settings.eps_abs = posed.settings.eps_rel = tolerance
        posed.settings.eps_duality_gap_abs = posed.settings.eps_duality_gap_rel = tolerance
        quadratic = program.quadratic("csc")
        posed.setup(
            quadratic, program.linear, program.equality, program.level, x_l=program.lower, x_u=_finite(program.upper)
        )
    with clock("solve"):
        status = posed.solve()
    return Answer(program.routing(posed.result.x), clock.seconds, status.name.removeprefix("PIQP_"))


def highs(instance: Instance, tolerance: float) -> Answer:
    """HiGHS: its own choice among simplex and interior point for linear costs, its active-set method for quadratic ones."""
    import highspy as solver

    clock = Clock()
    with clock("model"):
        program = quadratic_program(instance)
        posed = solver.Highs()
        posed.silent()
        posed.setOptionValue("primal_feasibility_tolerance", max(tolerance, 1e-10))
        posed.setOptionValue("dual_feasibility_tolerance", max(tolerance, 1e-10))
        posed.passModel(_highs_model(solver, program))
    with clock("solve"):
        posed.run()
    return Answer(
        program.routing(np.asarray(posed.getSolution().col_value)),
        clock.seconds,
        posed.modelStatusToString(posed.getModelStatus()),
    )


def _highs_model(solver, program: Program):
    model = solver.HighsModel()
    linear, rows = model.lp_, program.equality
    linear.num_row_, linear.num_col_ = rows.shape
    linear.col_cost_, linear.col_lower_, linear.col_upper_ = program.linear, program.lower, program.upper
    linear.row_lower_ = linear.row_upper_ = program.level
    linear.a_matrix_.format_ = solver.MatrixFormat.kColwise
    linear.a_matrix_.start_, linear.a_matrix_.index_, linear.a_matrix_.value_ = rows.indptr, rows.indices, rows.data
    if program.diagonal.any():
        used = np.flatnonzero(program.diagonal)
        model.hessian_.dim_ = len(program.diagonal)
        model.hessian_.format_ = solver.HessianFormat.kTriangular
        model.hessian_.start_ = np.searchsorted(used, np.arange(len(program.diagonal) + 1)).astype(np.int32)
        model.hessian_.index_, model.hessian_.value_ = used.astype(np.int32), program.diagonal[used]
    return model


def pdlp(instance: Instance, tolerance: float) -> Answer:
    """PDLP of OR-tools, a restarted primal-dual hybrid gradient method (Applegate and others)."""
    solver: Any = import_module("ortools.pdlp.python.pdlp")
    settings: Any = import_module("ortools.pdlp.solvers_pb2")
    log: Any = import_module("ortools.pdlp.solve_log_pb2")

    clock = Clock()
    with clock("model"):
        program = quadratic_program(instance)
        posed = solver.QuadraticProgram()
        posed.resize_and_initialize(len(program.linear), len(program.level))
        posed.objective_vector, posed.constraint_matrix = program.linear, program.equality
        posed.constraint_lower_bounds = posed.constraint_upper_bounds = program.level
        posed.variable_lower_bounds, posed.variable_upper_bounds = program.lower, program.upper
        if program.diagonal.any():
            posed.set_objective_matrix_diagonal(program.diagonal)
        options = settings.PrimalDualHybridGradientParams()
        options.num_threads = 2
        ends = options.termination_criteria
        ends.simple_optimality_criteria.eps_optimal_absolute = tolerance
        ends.simple_optimality_criteria.eps_optimal_relative = tolerance
    with clock("solve"):
        found = solver.primal_dual_hybrid_gradient(posed, options)
    reason = log.TerminationReason.Name(found.solve_log.termination_reason)
    return Answer(program.routing(found.primal_solution), clock.seconds, reason.removeprefix("TERMINATION_REASON_"))


def _finite(bounds: np.ndarray) -> np.ndarray:
    return np.minimum(bounds, 1e30)
