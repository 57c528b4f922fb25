"""The command line of every experiment: flags from a dataclass, short errors."""

import argparse
import dataclasses
import errno
import io
import os
import pathlib
import signal
import sys
import traceback
import types
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from jaxgan import paths
from jaxgan.allocator import tune_allocator
from jaxgan.lab import help

TRACEBACK = "JAXGAN_TRACEBACK"  # in the environment


def run(
    main: Callable[[Any], None],
    config: type,
    *,
    presets: Mapping[str, Any] | None = None,
    description: str | None = None,
    aliases: Mapping[str, str] = types.MappingProxyType({}),
) -> None:
    """Parses the command line into a config and calls `main` with it.

    Exits with 2 and one sentence on bad input, with 1 where training diverged, and with
    128 + the signal's number after a stop that saved itself. Where a sentence is not
    enough, `JAXGAN_TRACEBACK=1` in the environment shows the traceback.

    Args:
        main: what to run.
        config: a frozen dataclass; the docstrings of its fields become `--help`.
        presets: name -> config, for configs with a field `preset`: flags change what
            the preset says. The first is the default.
        description: what `--help` says first.
        aliases: old flag -> flag, `{"--out": "--workdir"}`; they work as they did, and
            `--help` leaves them out.
    """
    tune_allocator()  # before JAX allocates anything
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # which may know no letters but ASCII
            stream.reconfigure(errors="backslashreplace")
    try:
        arguments = _renamed(sys.argv[1:], aliases)
        seeds, arguments = _seeds(arguments, config)
        default = {"default": _preset(arguments, presets)} if presets else {}
        parsed = parse(config, description, arguments, **default)
        _check_folders(parsed)
        _cache_compilations()
        _join(getattr(parsed, "run", None))
        _check_trackers(getattr(parsed, "run", None))
        if seeds == 1:
            main(parsed)
        else:
            from jaxgan.lab import several

            several.train(main, parsed, seeds)
    except KeyboardInterrupt:
        _end_quietly()
        sys.stderr.write("\nstopped\n")
        _leave(130, "it was stopped by Ctrl-C")
    except Exception as error:
        if (number := getattr(error, "signal", None)) is not None:
            _end_quietly()
            sys.stderr.write(f"\n{error}\n")
            sys.exit(128 + number)  # all processes do
        known = isinstance(error, ValueError | OSError | ArithmeticError)
        if _among_others() and type(error).__name__ == "JaxRuntimeError":
            said = (
                f"a computation of all processes failed ({_sentence(error)[:300]});"
                " most likely another of them is gone. What was saved is intact: start"
                " the same command again in all"
            )
            sys.stderr.write(f"\nerror: {said}\n")
            _leave(1, said)
        said = _sentence(error) if known else _of_the_machine(error)
        if os.environ.get(TRACEBACK) or not said:
            if not _among_others():
                raise
            traceback.print_exc()
            _leave(1, said or f"{type(error).__name__}: {_sentence(error)}")
        sys.stderr.write(f"\nerror: {said}\n({TRACEBACK}=1 shows the traceback)\n")
        _leave(1 if isinstance(error, ArithmeticError) else 2, said)


def parse(
    config: type, description: str | None, arguments: Sequence[str], **default: Any
) -> Any:
    """Makes a config from a command line, or prints `--help`, and does nothing else.

    Benchmarks call it by itself, because their processes set up JAX themselves.

    Args:
        config: as in `run`.
        description: as in `run`.
        arguments: the command line, without the program.
        default: `default=config`, where flags take their defaults from a config.
    """
    import tyro

    if {"-h", "--help"} & set(arguments):
        sys.stdout.write(help.text(config, description, _program(), **default))
        sys.exit(0)
    return tyro.cli(config, args=arguments, prog=_program(), **default)


def _check_folders(config: Any) -> None:
    """Refuses URLs in flags that name folders or files."""
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if dataclasses.is_dataclass(value):
            _check_folders(value)
        for place in value if isinstance(value, tuple) else (value,):
            if isinstance(place, pathlib.Path):
                paths.check_local(place, f"--{field.name.replace('_', '-')}")


def _join(run: Any) -> None:
    """Meets the other processes of a training run, where there are some."""
    if hasattr(run, "coordinator"):
        from jaxgan import parallel

        parallel.start(run.processes, run.process, run.coordinator)


def _check_trackers(run: Any) -> None:
    """Refuses trackers that lack something before data is read for a long time."""
    if names := getattr(run, "track", ()):
        from jaxgan import parallel
        from jaxgan.train import trackers

        for name in names if parallel.is_main() else ():
            trackers.check(name)


def _end_quietly() -> None:
    """Lets another Ctrl-C end this process at once, without tracebacks of its end.

    One of several processes still has to tell the others.
    """
    if not _among_others():
        signal.signal(signal.SIGINT, signal.SIG_DFL)


def _leave(code: int, why: str) -> None:
    """Ends this process, and the others with it."""
    if _among_others():
        from jaxgan import parallel

        parallel.leave(code, why)
    sys.exit(code)


def _among_others() -> bool:
    import jax

    return jax.distributed.is_initialized()


def _renamed(arguments: Sequence[str], aliases: Mapping[str, str]) -> list[str]:
    """A command line with the flags of today: `--out=x` as `--workdir=x`."""
    split = [argument.partition("=") for argument in arguments]
    return [aliases.get(flag, flag) + equals + value for flag, equals, value in split]


def _preset(arguments: Sequence[str], presets: Mapping[str, Any]) -> Any:
    """The config that `--preset` names, read before the other flags are."""
    finder = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    finder.add_argument("--preset", default=next(iter(presets)))
    name = finder.parse_known_args(arguments)[0].preset
    # The real parser complains of an unknown name, and better.
    return presets.get(name, next(iter(presets.values())))


def _seeds(arguments: Sequence[str], config: type) -> tuple[int, list[str]]:
    """How many seeds to train, and the command line without the flag that says it.

    The flag is no field of a config, since each of the runs is of one seed.
    """
    if not help.offers_seeds(config):
        return 1, list(arguments)
    finder = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    finder.add_argument("--seeds", default="1", nargs="?", const="")
    found, rest = finder.parse_known_args(arguments)
    if not (found.seeds.isdecimal() and int(found.seeds)):
        raise ValueError(
            f"--seeds is {found.seeds or 'empty'}; give a number of runs, such as 3"
        )
    return int(found.seeds), rest


def _program() -> str:
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    return (
        f"python -m {spec.name.removesuffix('.__main__')}"
        if spec
        else pathlib.Path(sys.argv[0]).name
    )


def _cache_compilations() -> None:
    """Keeps compiled programs between runs, where JAX is not told otherwise."""
    import jax

    if getattr(jax.config, "jax_compilation_cache_dir", None) is None:
        folder = paths.user_cache()
        if folder is not None:
            jax.config.update("jax_compilation_cache_dir", str(folder / "xla"))


def _sentence(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        where = f" ({error.filename})" if error.filename else ""
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        then = "; free some space and run the same command again" if full else ""
        return f"{error.strerror}{where}; what was saved before is intact{then}"
    return " ".join(str(error).split())


def _of_the_machine(error: Exception) -> str:
    """What to do where the machine lacks something; empty if it is another error."""
    if isinstance(error, MemoryError) or "RESOURCE_EXHAUSTED" in str(error):
        return (
            f"the memory is too small ({_sentence(error)[:200]}); lower --batch-size,"
            " cut each batch into parts by --accumulate 2 or more, or make the networks"
            " smaller, as by --model.width; what was saved before is intact"
        )
    if wanted := os.environ.get("JAX_PLATFORMS"):
        import jax

        try:
            jax.devices()
        except (RuntimeError, AssertionError):  # JAX has an assertion for cuda
            return (
                f"JAX_PLATFORMS is {wanted!r}, but JAX finds no such device here; unset"
                " it to take what there is, or install JAX for that device"
            )
    return ""
