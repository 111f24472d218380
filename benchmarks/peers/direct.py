"""Adapters to solvers through their own interfaces, one slot at a time.

Bounds on a request are left to the caller's process; nothing stops a solver early but its tolerance.
"""

import functools
from collections.abc import Callable
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse

from benchmarks.clock import Clock
from benchmarks.family import Instance
from benchmarks.peers.program import Program, cones, quadratic_program

MANY = 1_000_000_000  # iterations: the limit is the clock of the caller


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


# From a program, a tolerance and the solver's modules to what solves, and to variables and status of what that returns.
Prepare = Callable[..., tuple[Callable[[], Any], Callable[[Any], tuple[Any, Any]]]]


def adapter(*modules: str) -> Callable[[Prepare], Callable[[Instance, float], Answer]]:
    """Make an answer for one slot of what hands a program over: `model` is everything before the solver's own solving."""

    def of(prepare: Prepare) -> Callable[[Instance, float], Answer]:
        @functools.wraps(prepare)
        def answer(instance: Instance, tolerance: float) -> Answer:
            clock, solver = Clock(), map(import_module, modules)
            with clock("model"):
                program = quadratic_program(instance)
                run, read = prepare(program, tolerance, *solver)
            with clock("solve"):
                found = run()
            variables, status = read(found)
            return Answer(program.routing(variables), clock.seconds, str(status))

        return answer

    return of


@adapter("clarabel")
def clarabel(program: Program, tolerance: float, solver: Any):
    """Clarabel, an interior-point method for cones (Goulart and Chen)."""
    rows, settings = cones(program), solver.DefaultSettings()
    kinds = [solver.ZeroConeT(rows.zeros), solver.NonnegativeConeT(rows.positive)]
    kinds += [solver.SecondOrderConeT(3)] * rows.second_order
    settings.verbose = False
    settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = tolerance
    posed = solver.DefaultSolver(program.quadratic("csc"), program.linear, rows.matrix, rows.level, kinds, settings)
    return posed.solve, lambda found: (found.x, found.status)


@adapter("scs")
def scs(program: Program, tolerance: float, solver: Any):
    """SCS, operator splitting for cones (O'Donoghue)."""
    rows = cones(program)
    data = {"P": program.quadratic("csc"), "A": rows.matrix, "b": rows.level, "c": program.linear}
    cone = {"z": rows.zeros, "l": rows.positive, "q": [3] * rows.second_order}
    posed = solver.SCS(data, cone, eps_abs=tolerance, eps_rel=tolerance, max_iters=MANY, verbose=False)
    return posed.solve, lambda found: (found["x"], found["info"]["status"])


@adapter("osqp")
def osqp(program: Program, tolerance: float, solver: Any):
    """OSQP, operator splitting for quadratic programs (Stellato and others)."""
    matrix = sparse.vstack([program.equality, sparse.identity(len(program.linear))], format="csc")
    lower, upper = (np.concatenate([program.level, bound]) for bound in (program.lower, program.upper))
    # CVXPY polishes too.
    options = {"eps_abs": tolerance, "eps_rel": tolerance, "max_iter": MANY, "polishing": True, "verbose": False}
    posed = solver.OSQP()
    posed.setup(program.quadratic("csc"), program.linear, matrix, lower, upper, **options)
    return lambda: posed.solve(raise_error=False), lambda found: (found.x, found.info.status)


@adapter("piqp")
def piqp(program: Program, tolerance: float, solver: Any):
    """PIQP, a proximal interior-point method for quadratic programs (Schwan and others)."""
    posed = solver.SparseSolver()
    for name in ("eps_abs", "eps_rel", "eps_duality_gap_abs", "eps_duality_gap_rel"):
        setattr(posed.settings, name, tolerance)
    bounds = {"x_l": program.lower, "x_u": np.minimum(program.upper, 1e30)}
    posed.setup(program.quadratic("csc"), program.linear, program.equality, program.level, **bounds)
    return posed.solve, lambda status: (posed.result.x, status.name.removeprefix("PIQP_"))


@adapter("highspy")
def highs(program: Program, tolerance: float, solver: Any):
    """HiGHS: its own choice among simplex and interior point for linear costs, its active-set method for quadratic ones."""
    posed = solver.Highs()
    posed.silent()
    for name in ("primal_feasibility_tolerance", "dual_feasibility_tolerance"):
        posed.setOptionValue(name, max(tolerance, 1e-10))
    posed.passModel(_highs_model(solver, program))
    said = lambda: posed.modelStatusToString(posed.getModelStatus())  # noqa: E731
    return posed.run, lambda found: (posed.getSolution().col_value, said())


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


@adapter("ortools.pdlp.python.pdlp", "ortools.pdlp.solvers_pb2", "ortools.pdlp.solve_log_pb2")
def pdlp(program: Program, tolerance: float, solver: Any, settings: Any, log: Any):
    """PDLP of OR-tools, a restarted primal-dual hybrid gradient method (Applegate and others)."""
    posed = solver.QuadraticProgram()
    posed.resize_and_initialize(len(program.linear), len(program.level))
    posed.objective_vector, posed.constraint_matrix = program.linear, program.equality
    posed.constraint_lower_bounds = posed.constraint_upper_bounds = program.level
    posed.variable_lower_bounds, posed.variable_upper_bounds = program.lower, program.upper
    if program.diagonal.any():
        posed.set_objective_matrix_diagonal(program.diagonal)
    options = pdlp_options(settings, tolerance)
    options.num_threads = 2
    named = lambda reason: log.TerminationReason.Name(reason).removeprefix("TERMINATION_REASON_")  # noqa: E731
    return lambda: solver.primal_dual_hybrid_gradient(posed, options), lambda found: (
        found.primal_solution,
        named(found.solve_log.termination_reason),
    )


def pdlp_options(settings: Any, tolerance: float) -> Any:
    """Parameters of PDLP that stop it at a tolerance."""
    options = settings.PrimalDualHybridGradientParams()
    criteria = options.termination_criteria.simple_optimality_criteria
    criteria.eps_optimal_absolute = criteria.eps_optimal_relative = tolerance
    return options
