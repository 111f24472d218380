"""Solvers of others on the family, each in a process of its own, and the judge of every answer.

Nothing here but `ours` imports the package or JAX, so that the memory of a peer's process is the peer's.
"""
