"""How long a new process takes to its first step, as a process that says so.

    python -m experiments.benchmarks.parts.first_step "dcgan batch=64" 1700000000.0 2

Takes the subject (`steps.parse`), the time at which the process was started, in
seconds since 1970, and the number of threads. Where compiled programs are kept is up to
the environment (JAX_COMPILATION_CACHE_DIR). Prints seconds as JSON: those until all
that is needed was imported, those of the first state and the compilation, those of the
first step, and all.
"""

import json
import sys
import time


def main(words: str, began: float, threads: int) -> None:
    """Takes one step."""
    from experiments.benchmarks.parts import kept

    kept.prepare(threads)
    from experiments.benchmarks.parts import steps

    imported = time.time()
    built = steps.build(steps.parse(words))
    compiled = time.time()
    built.play(1)
    done = time.time()
    found = {
        "import": imported - began,
        "build": compiled - imported,
        "step": done - compiled,
        "all": done - began,
    }
    print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]), int(sys.argv[3]))
