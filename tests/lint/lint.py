#!/usr/bin/env python3
"""Style rules as a test: prints every finding as path:line: text and fails if there is one.

Usage: lint.py [ROOT], by default the tree that this file is in.
"""
import sys
from pathlib import Path

sys.dont_write_bytecode = True

from rules import CHECKS  # noqa: E402
from source import find_sources  # noqa: E402

FILE_LINES_WARN = 450


def main(argv: list[str]) -> int:
    root = Path(argv[1]) if len(argv) > 1 else Path(__file__).resolve().parents[2]
    sources = find_sources(root)
    findings = [finding for check in CHECKS for finding in check(sources)]
    for path, line, text in sorted(set(findings)):
        print(f"{path}:{line}: {text}")
    for source in sources:
        if source.is_cpp and len(source.lines) > FILE_LINES_WARN:
            print(f"{source.path}: note: {len(source.lines)} lines; is it still one concept?")
    print(f"lint: {len(sources)} files, {len(set(findings))} findings")
    return 1 if findings or not sources else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
