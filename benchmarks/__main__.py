"""Run a benchmark by its name; without one, list them."""

import sys

from benchmarks.harness import SUBJECTS, benchmark, main

if __name__ == "__main__":
    if len(sys.argv) > 1 and sys.argv[1] in SUBJECTS:
        raise SystemExit(main(benchmark(sys.argv[1]), sys.argv[2:]))
    for name in SUBJECTS:
        print(f"{name:21}{benchmark(name).question}")
    raise SystemExit(f"give one of these names, not {sys.argv[1]!r}." if len(sys.argv) > 1 else 0)
