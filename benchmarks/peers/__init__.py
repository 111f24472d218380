"""Solvers of others on the family, each in a process of its own.

Nothing that the process of a peer imports from here imports the package or JAX, so that its memory is the peer's.
"""
