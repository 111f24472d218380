"""Adapters to solvers that take all slots in one call, or that compile: Moreau and MPAX."""

import math
from importlib import import_module
from typing import Any

import numpy as np
from scipy import sparse

from benchmarks.clock import Clock
from benchmarks.family import Instance
from benchmarks.peers.direct import Answer
from benchmarks.peers.program import Cones, Program, cones, quadratic_program


def moreau(instance: Instance, tolerance: float, method: str = "auto", device: str = "cpu") -> Answer:
    """Moreau, a batched interior-point method for cones, all slots in one call.

    Routes are non-negative by its direct cones, which take no rows. Building its solver, which analyses the pattern, is
    `compile`. With `qdldl` it takes less time at the large sizes than with its own choice.
    """
    solver: Any = import_module("moreau")
    clock = Clock()
    with clock("model"):
        programs = [quadratic_program(instance.slot(n)) for n in range(instance.slots)]
        rows = [cones(program, bound_routes=False) for program in programs]
        quadratic, matrices = zip(*map(moreau_matrices, programs, rows), strict=True)
        cone, limits = moreau_cones(programs[0], rows[0]), moreau_limits(tolerance, method)
        settings = solver.Settings(device=device, batch_size=instance.slots, solver="ipm", ipm_settings=limits)
    with clock("compile"):
        posed = solver.CompiledSolver(
            len(programs[0].linear),
            len(rows[0].level),
            quadratic[0].indptr,
            quadratic[0].indices,
            matrices[0].indptr,
            matrices[0].indices,
            cones=cone,
            settings=settings,
        )
    with clock("solve"):
        posed.setup([q.data for q in quadratic], [m.data for m in matrices])
        found = posed.solve([p.linear for p in programs], [row.level for row in rows])
    variables = np.asarray(found.x).reshape(instance.slots, -1)
    routing = np.concatenate([p.routing(v) for p, v in zip(programs, variables, strict=True)])
    names = sorted({solver.SolverStatus(int(status)).name for status in np.ravel(posed.info.status)})
    return Answer(routing, clock.seconds, ", ".join(names))


def moreau_matrices(program: Program, rows: Cones) -> tuple[Any, Any]:
    """P and the rows of the cones as Moreau takes them: by rows, sorted."""
    pair = program.quadratic("csr"), rows.matrix.tocsr()
    for matrix in pair:
        matrix.sort_indices()
    return pair


def moreau_cones(program: Program, rows: Cones) -> Any:
    """The cones of the rows, and the direct one of the routes."""
    solver: Any = import_module("moreau")
    return solver.Cones(
        num_zero_cones=rows.zeros,
        num_nonneg_cones=rows.positive,
        so_cone_dims=[3] * rows.second_order,
        dir_cones=[solver.DirectConeSpec(kind="nonneg", indices=list(range(program.routes)))],
    )


def moreau_limits(tolerance: float, method: str) -> Any:
    """Settings of its interior-point method."""
    names = ("tol_gap_abs", "tol_gap_rel", "tol_feas")
    return import_module("moreau").IPMSettings(**dict.fromkeys(names, tolerance), direct_solve_method=method)


def mpax(instance: Instance, tolerance: float) -> Answer:
    """MPAX, PDHG in JAX, one slot: rAPDHG, which takes quadratic costs, compiled ahead of its call."""
    import jax

    jax.config.update("jax_enable_x64", True)
    import jax.numpy as jnp
    from jax.experimental.sparse import BCOO

    method: Any = import_module("mpax")
    statuses: Any = import_module("mpax.utils").TerminationStatus

    clock = Clock()
    with clock("model"):
        program = quadratic_program(instance)
        equality = BCOO.from_scipy_sparse(program.equality)
        nothing = BCOO.from_scipy_sparse(sparse.csc_matrix((0, len(program.linear))))
        vectors = (program.linear, equality, program.level, nothing, np.zeros(0), program.lower, program.upper)
        vectors = tuple(jnp.asarray(v) if isinstance(v, np.ndarray) else v for v in vectors)
        if program.diagonal.any():
            posed = method.create_qp(BCOO.from_scipy_sparse(program.quadratic("csc")), *vectors)
        else:
            posed = method.create_lp(*vectors)
        run = jax.jit(method.raPDHG(eps_abs=tolerance, eps_rel=tolerance).optimize)
    with clock("compile"):
        compiled = run.lower(posed).compile()
    with clock("solve"):
        found = jax.block_until_ready(compiled(posed))
    return Answer(
        program.routing(np.asarray(found.primal_solution)), clock.seconds, statuses(int(found.termination_status)).name
    )


def each_slot(solve, instance: Instance, tolerance: float, **options) -> Answer:
    """A solver of one slot on each slot in turn: seconds add up, and the worst status is kept with the others."""
    answers = [solve(instance.slot(number), tolerance, **options) for number in range(instance.slots)]
    seconds = {phase: math.fsum(answer.seconds[phase] for answer in answers) for phase in answers[0].seconds}
    routing = np.concatenate([answer.routing for answer in answers])
    return Answer(routing, seconds, ", ".join(sorted({answer.status for answer in answers})))
