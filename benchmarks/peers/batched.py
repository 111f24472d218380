"""Adapters to solvers that take all slots in one call, or that compile: Moreau and MPAX."""

import math
from importlib import import_module
from typing import Any

import numpy as np
from scipy import sparse

from benchmarks.peers.clock import Clock
from benchmarks.peers.direct import Answer
from benchmarks.peers.judge import Arrays
from benchmarks.peers.program import cones, quadratic_program


def moreau(arrays: Arrays, tolerance: float, method: str = "auto", device: str = "cpu") -> Answer:
    """Moreau, a batched interior-point method for cones, all slots in one call.

    Routes are non-negative by its direct cones, which take no rows. Building its solver, which analyses the pattern, is
    `compile`. With `qdldl` it takes less time at the large sizes than with its own choice.
    """
    solver: Any = import_module("moreau")

    clock = Clock()
    with clock("model"):
        programs = [quadratic_program(arrays.slot(n)) for n in range(arrays.slots)]
        rows = [cones(program, bound_routes=False) for program in programs]
        quadratic = [program.quadratic("csr") for program in programs]
        matrices = [row.matrix.tocsr() for row in rows]
        for matrix in (*quadratic, *matrices):
            matrix.sort_indices()
        routes = solver.DirectConeSpec(kind="nonneg", indices=list(range(programs[0].routes)))
        first, pattern = rows[0], matrices[0]
        cone = solver.Cones(
            num_zero_cones=first.zeros,
            num_nonneg_cones=first.positive,
            so_cone_dims=[3] * first.second_order,
            dir_cones=[routes],
        )
        limits = solver.IPMSettings(
            tol_gap_abs=tolerance, tol_gap_rel=tolerance, tol_feas=tolerance, direct_solve_method=method
        )
        settings = solver.Settings(device=device, batch_size=arrays.slots, solver="ipm", ipm_settings=limits)
    with clock("compile"):
        posed = solver.CompiledSolver(
            len(programs[0].linear),
            len(first.level),
            quadratic[0].indptr,
            quadratic[0].indices,
            pattern.indptr,
            pattern.indices,
            cones=cone,
            settings=settings,
        )
    with clock("solve"):
        posed.setup([q.data for q in quadratic], [m.data for m in matrices])
        found = posed.solve([p.linear for p in programs], [row.level for row in rows])
    variables = np.asarray(found.x).reshape(arrays.slots, -1)
    routing = np.concatenate([p.routing(v) for p, v in zip(programs, variables, strict=True)])
    names = sorted({solver.SolverStatus(int(status)).name for status in np.ravel(posed.info.status)})
    return Answer(routing, clock.seconds, ", ".join(names))


def mpax(arrays: Arrays, tolerance: float) -> Answer:
    """MPAX, PDHG in JAX, one slot: rAPDHG, which takes quadratic costs, compiled ahead of its call."""
    import jax

    jax.config.update("jax_enable_x64", True)
    import jax.numpy as jnp
    from jax.experimental.sparse import BCOO

    method: Any = import_module("mpax")
    statuses: Any = import_module("mpax.utils").TerminationStatus

    clock = Clock()
    with clock("model"):
        program = quadratic_program(arrays)
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
        program.routing(np.asarray(found.primal_solution)),
        clock.seconds,
        statuses(int(found.termination_status)).name,
    )


def each_slot(solve, arrays: Arrays, tolerance: float, **options) -> Answer:
    """A solver of one slot on each slot in turn: seconds add up, and the worst status is kept with the others."""
    answers = [solve(arrays.slot(number), tolerance, **options) for number in range(arrays.slots)]
    seconds = {phase: math.fsum(answer.seconds[phase] for answer in answers) for phase in answers[0].seconds}
    routing = np.concatenate([answer.routing for answer in answers])
    return Answer(routing, seconds, ", ".join(sorted({answer.status for answer in answers})))
