"""Throw broken files at the importers, guided by which code they reach. Run by hand.

    make fuzz FUZZ_SECONDS=600                                        every importer, ten minutes each
    .venv-fuzz/bin/python tools/fuzz.py --seconds 60 pifu sds         some of them
    .venv-fuzz/bin/python tools/fuzz.py --replay .fuzz/sds/crash-…    one input again

An input may be taken or refused with a sentence (BeredskapError). Anything else is a finding: another exception, an
input that takes a minute, and a store that is not what it was after a refusal or after a plan without changes. Findings
and what was learnt stay in `.fuzz/`, and the next run goes on from there. Each importer has a process of its own, with
a store that holds a small school.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOUND = ROOT / ".fuzz"
# Seconds after which an input is taken to hang: none takes a tenth of one on a free core.
PATIENCE = 60
LARGEST_INPUT = 30_000  # bytes
MOST_MEMORY = 2048  # MB
FORMATS = ("pifu", "freg", "krr", "oneroster", "fint", "sds", "guardians")


def main() -> int:
    told = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    told.add_argument("formats", nargs="*", metavar="FORMAT", help=f"of {', '.join(FORMATS)}; all without any")
    told.add_argument("--seconds", type=int, default=600, help="for each importer (default: 600)")
    told.add_argument("--replay", type=Path, metavar="INPUT", help="feed one input of .fuzz/FORMAT/ again")
    told.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    options = told.parse_args()
    if options.replay:
        options.formats = [options.replay.resolve().parent.name]
    if unknown := set(options.formats) - set(FORMATS):
        told.error(f"no such importer: {', '.join(sorted(unknown))}")
    if options.inside:
        _fuzz(options.formats[0], options.seconds, options.replay)
        return 0
    failed = [name for name in options.formats or FORMATS if not _run(name, options.seconds, options.replay)]
    return 1 if failed else 0


def _run(name: str, seconds: int, replay: Path | None) -> bool:
    """One importer in a process of its own: libFuzzer ends it without cleaning up. False: something was found."""
    folder = FOUND / name
    (folder / "corpus").mkdir(parents=True, exist_ok=True)
    command = [sys.executable, __file__, "--inside", name, "--seconds", str(seconds)]
    if replay:
        command += ["--replay", str(replay)]
    with tempfile.TemporaryDirectory(prefix="beredskap-fuzz-") as scratch:
        environment = {**os.environ, "TMPDIR": scratch}
        began = time.monotonic()
        ended = subprocess.run(command, env=environment, capture_output=True, check=False, cwd=ROOT)
    took = time.monotonic() - began
    log = ended.stderr.decode("utf-8", "replace")
    (folder / "log").write_text(ended.stdout.decode("utf-8", "replace") + log, encoding="utf-8")
    inputs = re.search(r"number_of_executed_units: (\d+)", log)
    reached = re.findall(r"cov: (\d+)", log)
    outcome = "nothing found" if ended.returncode == 0 else f"FOUND SOMETHING: {folder / 'log'}"
    count, places = inputs[1] if inputs else "?", reached[-1] if reached else "?"
    print(f"{name:10} {count:>8} inputs in {took:5.0f} s  {places:>6} reached  {outcome}", flush=True)
    return ended.returncode == 0


def _fuzz(name: str, seconds: int, replay: Path | None) -> None:
    import atheris

    sys.path.insert(0, str(ROOT))
    # What is to be reached must be loaded under these eyes, the tests' helpers with it.
    with atheris.instrument_imports(include=["contacts"]):
        from tools.fuzz_judge import judge_of
        from tools.fuzz_seeds import TARGETS, words

        judge = judge_of(name, Path(tempfile.mkdtemp(prefix="store-")))
    if replay:
        judge(replay.read_bytes())
        return
    folder = FOUND / name
    seeds = Path(tempfile.mkdtemp(prefix="seeds-"))
    for number, seed in enumerate(TARGETS[name].seeds()):
        (seeds / str(number)).write_bytes(seed)
    dictionary = Path(tempfile.mkdtemp(prefix="words-")) / "words"
    told = sorted(words(TARGETS[name].seeds()))
    dictionary.write_text("".join(f'"{word.decode()}"\n' for word in told), encoding="ascii")
    atheris.Setup(
        [
            sys.argv[0],
            f"-max_total_time={seconds}",
            f"-timeout={PATIENCE}",
            f"-max_len={LARGEST_INPUT}",
            f"-rss_limit_mb={MOST_MEMORY}",
            f"-dict={dictionary}",
            f"-artifact_prefix={folder}/",
            "-print_final_stats=1",
            str(folder / "corpus"),
            str(seeds),
        ],
        judge,
    )
    atheris.Fuzz()


if __name__ == "__main__":
    sys.exit(main())
