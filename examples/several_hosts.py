"""A day of Australia over all devices of all hosts.

srun python several_hosts.py                               # under Slurm, in every process
python several_hosts.py FIRST_HOST:PORT PROCESSES INDEX    # elsewhere, once for each process
"""

import sys

import jax

if __name__ == "__main__":
    address, *numbers = sys.argv[1:] or [None]
    jax.distributed.initialize(address, *map(int, numbers))  # first of all; finds the others by itself under Slurm

    import numpy as np
    from jax.experimental import multihost_utils

    import jaxsched
    from jaxsched.scenarios import australia
    from jaxsched.study import build_study

    study = build_study(australia(slots=24, start="2024-01-15"))
    schedule = jaxsched.solve(study.problem, mesh=jaxsched.device_mesh())
    routing = multihost_utils.process_allgather(schedule.routing, tiled=True)  # called by every process
    if jax.process_index() == 0:
        print(f"{jax.device_count()} devices in {jax.process_count()} processes: {schedule}")
        np.save("routing.npy", routing)
