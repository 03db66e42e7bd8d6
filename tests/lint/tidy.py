#!/usr/bin/env python3
"""clang-tidy over the project's C++ files; fails on any finding (.clang-tidy says which).

Usage: tidy.py [BUILD] [FOLDER...]     BUILD, by default build/release, holds compile_commands.json

Most of the time goes into foreign headers, so the files of a folder are looked at together, as one
translation unit that includes them all. Where the names of two of its files meet (anonymous
namespaces become one), the second of them is looked at alone.
"""
import json
import os
import re
import shlex
import subprocess
import sys
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Iterable

ROOT = Path(__file__).resolve().parents[2]
# LibTorch's headers alone take longer than all of ours; the rest needs special builds.
LEFT_OUT = ("model/train", "sidecar/worker", "tests/bench", "tests/fuzz")
# What decides how a file reads; not how it is compiled.
KEPT_FLAGS = ("-I", "-D", "-std=", "-W")
ARGUMENTS = ["--quiet", r"--header-filter=/(sidecar|model|deploy|tests)/[a-z0-9/_-]+\.(h|cc)$"]


def flags_of(command: str) -> list[str]:
    words = shlex.split(command)[1:]
    flags = [w for w in words if w.startswith(KEPT_FLAGS) and w != "-Wno-restrict"]
    return flags + [f"-isystem{words[i + 1]}" for i, w in enumerate(words) if w == "-isystem"]


def merge(lists: Iterable[list[str]]) -> list[str]:
    return list(dict.fromkeys(flag for flags in lists for flag in flags))


def read_units(build: Path) -> dict[str, dict[str, list[str]]]:
    """Unit name -> file -> flags; tests are units of their own."""
    units: dict[str, dict[str, list[str]]] = defaultdict(dict)
    for entry in json.loads((build / "compile_commands.json").read_text()):
        path = Path(entry["directory"], entry["file"]).resolve()
        if not path.is_relative_to(ROOT) or path.is_relative_to(ROOT / "build"):
            continue
        name = path.relative_to(ROOT).as_posix()
        folder = os.path.dirname(name)
        if folder.startswith(LEFT_OUT) or not name.endswith(".cc"):
            continue
        unit = folder + ("/tests" if name.endswith("_test.cc") else "")
        units[unit].setdefault(name, flags_of(entry["command"]))
    return units


def tidy(source: Path, flags: list[str], checks: str = "") -> subprocess.CompletedProcess:
    extra = [f"--checks={checks}"] if checks else []
    return subprocess.run(["clang-tidy", *ARGUMENTS, *extra, str(source), "--", *flags],
                          cwd=ROOT, capture_output=True, text=True, check=False)


def offenders(source: Path, flags: list[str], files: list[str]) -> list[str]:
    """The files that do not compile in this unit: mostly for a name that one before them has."""
    compiler = ["clang++", "-fsyntax-only", "-w", "-ferror-limit=0", *flags, str(source)]
    result = subprocess.run(compiler, cwd=ROOT, capture_output=True, text=True, check=False)
    named = re.findall(r"^([^\s:]+):\d+:\d+: (?:fatal )?error: ", result.stderr, re.MULTILINE)
    paths = {os.path.relpath(name, ROOT) for name in named}
    return [name for name in files if name in paths] or (files if result.returncode else [])


def check_unit(out: Path, unit: str, flags: dict[str, list[str]]) -> tuple[str, bool, float, str]:
    started = time.monotonic()
    source = out / (unit.replace("/", "_") + ".cc")
    together, alone = sorted(flags), []
    while together:
        source.write_text("".join(f'#include "{name}"\n' for name in together))
        apart = offenders(source, merge(flags[name] for name in together), together)
        if not apart:
            break
        alone += apart
        together = [name for name in together if name not in apart]
    results = [tidy(ROOT / name, flags[name]) for name in alone]
    if together:
        results.append(tidy(source, merge(flags[name] for name in together),
                            "-bugprone-suspicious-include"))
    bad = [r for r in results if r.returncode != 0]
    how = f"{len(together)} files together, {len(alone)} alone"
    text = "".join(f"{r.stdout}{r.stderr}exit status {r.returncode}\n" for r in bad)
    return f"{unit}: {how}", not bad, time.monotonic() - started, text


def main(argv: list[str]) -> int:
    build = ROOT / (argv[1] if len(argv) > 1 else "build/release")
    units = read_units(build)
    if len(argv) > 2:
        units = {u: files for u, files in units.items() if u.startswith(tuple(argv[2:]))}
    os.nice(5)  # tests beside it have deadlines
    out = build / "tidy"
    out.mkdir(exist_ok=True)
    failed = 0
    by_size = sorted(units.items(), key=lambda item: -len(item[1]))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for name, ok, seconds, text in pool.map(lambda item: check_unit(out, *item), by_size):
            print(f"{name}: {'ok' if ok else 'FAILED'} ({seconds:.0f} s)", flush=True)
            if not ok:
                failed += 1
                print(text, flush=True)
    files = sum(len(f) for f in units.values())
    print(f"tidy: {files} files in {len(units)} units, {failed} with findings")
    return 1 if failed or not files else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
