"""A process that measures how long it takes to its first step.

    python -m experiments.benchmarks.parts.first_step "dcgan batch=64" 1700000000.0 2

Takes the subject (`steps.parse`), the time at which the process was started, in seconds
since 1970, and the number of threads. The environment decides where compiled programs
are kept (JAX_COMPILATION_CACHE_DIR). Prints seconds as JSON: of imports, of the first
state and the compilation, of the first step, and in all.
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
