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
from benchmarks.judge import site_cost
from benchmarks.peers.program import Program, cones, quadratic_program

MANY = 1_000_000_000  # iterations: the limit is the clock of the caller

# Flow and cost are integers: the largest demand and the largest unit cost are this many. More costs time, not accuracy.
_FLOW, _COST = 2.0**36, 2.0**30


class Answer(NamedTuple):
    """What a solver answered.

    Attributes:
        routing: [slot, origin, site, class], as the solver left it.
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


def cuts(instance: Instance, arcs: int) -> np.ndarray:
    """Loads between the arcs of each site [cut, site], finer where the cost bends more."""
    share = np.linspace(0.0, 1.0, arcs + 1)[:, None]
    if not instance.queueing:
        return share * instance.capacity
    # Even in the square root of the room left: the second derivative grows with its inverse third power.
    full = np.sqrt(1.0 - instance.capacity / instance.servers)
    return instance.servers * (1.0 - (1.0 - share * (1.0 - full)) ** 2)


def network(instance: Instance, arcs: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Tails, heads, capacities and unit costs of the arcs, and supplies of the nodes, in floating point."""
    origins, sites, _ = instance.shape
    allowed = instance.allowed[:, :, 0]
    origin, site = np.nonzero(allowed)
    at = cuts(instance, arcs if instance.queueing or instance.quadratic.any() else 1)
    cost = np.stack([site_cost(instance, load[None])[0] for load in at])
    room = np.diff(at, axis=0)
    tails = np.concatenate([origin, np.tile(origins + np.arange(sites), len(room))])
    heads = np.concatenate([origins + site, np.full(room.size, origins + sites)])
    demand = instance.demand[0, :, 0] * instance.work.flat[0]
    sizes = np.concatenate([demand[origin], room.ravel()])
    unit = np.concatenate(
        [instance.route_cost[origin, site] / instance.work.flat[0], (np.diff(cost, axis=0) / room).ravel()]
    )
    return tails, heads, sizes, unit, np.concatenate([demand, np.zeros(sites), [-demand.sum()]])


def min_cost_flow(instance: Instance, arcs: int) -> Answer:
    """Route one slot by `SimpleMinCostFlow` of OR-tools, the convex cost of each site cut into parallel arcs.

    Chords between the cuts make the cut cost an upper bound of the true one; a linear cost needs one arc.

    Raises:
        ValueError: If work differs between sites or there are several classes.
    """
    found: Any = import_module("ortools.graph.python.min_cost_flow")

    if not instance.is_network or instance.shape[2] != 1:
        raise ValueError("min-cost flow needs one class whose work is the same at every site.")
    clock = Clock()
    with clock("model"):
        tails, heads, sizes, unit, supply = network(instance, arcs)
        flow, cost = _FLOW / sizes.max(), _COST / np.abs(unit).max()
        supplies = np.round(supply * flow).astype(np.int64)
        supplies[-1] = -supplies[:-1].sum()
        solver = found.SimpleMinCostFlow()
        capacities, costs = np.floor(sizes * flow + 1.0).astype(np.int64), np.round(unit * cost).astype(np.int64)
        solver.add_arcs_with_capacity_and_unit_cost(tails.astype(np.int32), heads.astype(np.int32), capacities, costs)
        solver.set_nodes_supplies(np.arange(len(supply), dtype=np.int32), supplies)
    with clock("solve"):
        status = solver.solve()
        routes = np.count_nonzero(instance.allowed)
        used = solver.flows(np.arange(routes, dtype=np.int32)) if status == solver.OPTIMAL else np.zeros(routes)
    routing = np.zeros(instance.shape)
    routing[instance.allowed] = np.asarray(used) / (flow * instance.work.flat[0])
    return Answer(routing[None], clock.seconds, status.name)
