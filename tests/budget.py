"""A pytest plugin: a test that takes too much processor time fails, unless it is slow.

Files with slow tests run first: no process waits at the end while another has one.

Counted is the processor time of this process and of children it has waited for, from a
test's set-up to its end: what other programs do on the machine hardly matters.
"""

import collections
import os
import resource

import pytest

# JAXGAN_TEST_BUDGET=0 sets no limit.
SECONDS = float(os.environ.get("JAXGAN_TEST_BUDGET", "20"))
SLOW_TIMEOUT = 600  # seconds of wall time; the others have `timeout` of pyproject.toml
STARTED = pytest.StashKey[float]()


def processor_seconds() -> float:
    """Processor time so far, of this process and of children that have ended."""
    usages = [
        resource.getrusage(who)
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    ]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def pytest_collection_modifyitems(items):
    """Gives slow tests more time, and puts files with many of them first."""
    slow = [item for item in items if item.get_closest_marker("slow")]
    for item in slow:
        if not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(SLOW_TIMEOUT))
    count = collections.Counter(item.path for item in slow)
    items.sort(key=lambda item: -count[item.path])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item):
    item.stash[STARTED] = processor_seconds()
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    used = processor_seconds() - item.stash[STARTED]
    slow = item.get_closest_marker("slow")
    if call.when == "call" and report.passed and 0 < SECONDS < used and not slow:
        report.outcome = "failed"
        report.longrepr = (
            f"{item.nodeid} passed, but took {used:.1f} s of processor time; a test has"
            f" {SECONDS:g} s. Make it cheaper, split it, or mark it `slow`."
        )
    return report
