"""The style rules that a machine can check, one function each.

Every check takes the sources of the tree and yields (path, line, what is wrong and what to do).
"""
from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Iterator

from layers import check_layers
from source import Source, line_of

Finding = tuple[str, int, str]

FILE_LINES_MAX = 600
FUNCTION_LINES_MAX = 70


@dataclass(frozen=True)
class Banned:
    """A pattern of code, where it is allowed, and what to write instead."""

    pattern: str
    allowed: str  # regular expression on the path
    instead: str
    in_tests: bool = True  # whether tests may not use it either


# Spelled in pieces, so that this file does not trip over its own rules.
BANNED_CALLS = [
    Banned(r"\bstd::(thread|jthread|async)\b(?!::)", r"^sidecar/base/",
           "take a thread or a pool from sidecar/base", in_tests=False),
    Banned(r"\b(system_clock::now|gettimeofday|absl::Now)\b|\bstd::time\(",
           r"^sidecar/base/clock\.cc$", "take an auspex::Clock", in_tests=False),
    Banned(r"\bstd::(cout|cerr)\b|\b(?:std::)?(?:f?printf|puts)\(",
           r"^(sidecar/app/|sidecar/worker/worker_main|sidecar/base/log|deploy/simulator/|tests/)",
           "take a Logger, or return a Status", in_tests=False),
    Banned(r"(?<![(\s])\s*\bnew\s+[A-Za-z_:(]", r"^$",
           "use std::make_unique; for a private constructor give it to a smart pointer at once"),
    Banned(r"(?<!= )(?<!operator )\bdelete\b(?!\s*;)", r"^$", "let a smart pointer own it"),
    Banned(r"\bis_?nan\(|\bstd::isnan\b", r"^(sidecar/core/|model/)",
           "ask IsStaleMarker or IsMissing of sidecar/core/sample.h: a NaN is a value",
           in_tests=False),
    Banned(r"\busing\s+namespace\b", r"^$", "name what is used"),
    Banned(r"\b(rand|srand)\(", r"^$", "use a seeded generator of <random>"),
    Banned(r"\bassert\(", r"^$", "return a Status, or use ABSL_ASSERT for what cannot happen"),
]
BANNED_WORDS = [
    Banned(r"\b(TO" r"DO|FIX" r"ME|X" r"XX)\b", r"^$", "finish it, or say in docs what is left"),
    Banned(r"(?<![\w.$})-])/(wo" r"rk|ho" r"me|ro" r"ot)/\w", r"^$",
           "no path of one machine belongs in the tree"),
    Banned(r"deb\.deb" r"ian\.org|registry\.npm" r"js|pypi\.o" r"rg|files\.python" r"hosted", r"^$",
           "take the registry from the machine's own settings"),
]


def _matches(banned: Banned, source: Source, text: str) -> Iterator[Finding]:
    if re.search(banned.allowed, source.path) or (source.is_test and not banned.in_tests):
        return
    for match in re.finditer(banned.pattern, text):
        yield (source.path, line_of(text, match.end()),
               f"`{match.group().strip()}` is banned: {banned.instead}")


def check_banned_calls(sources: list[Source]) -> Iterator[Finding]:
    for source in sources:
        if source.is_cpp:
            for banned in BANNED_CALLS:
                yield from _matches(banned, source, source.code)


def check_banned_words(sources: list[Source]) -> Iterator[Finding]:
    for source in sources:
        for banned in BANNED_WORDS:
            yield from _matches(banned, source, source.text)


def check_file_length(sources: list[Source]) -> Iterator[Finding]:
    for source in sources:
        if source.path.endswith(".md") or source.name in {"LICENSE", "package-lock.json"}:
            continue
        if len(source.lines) > FILE_LINES_MAX:
            yield (source.path, FILE_LINES_MAX, f"{len(source.lines)} lines, more than "
                   f"{FILE_LINES_MAX}: split it by concept")


_NOT_A_FUNCTION = re.compile(
    r"^\s*(?:(?:inline|export)\s+)*(namespace|class|struct|union|enum|extern|else|do|try)\b"
    r"|=\s*$|\breturn\b[^;]*$")


def functions(code: str) -> Iterator[tuple[int, int]]:
    """First and last line of every function body in C++ code without comments and literals.

    A brace scan: a body is a brace, outside of any other body, whose statement has parentheses
    and opens no scope of another kind. Enough for code that clang-format has laid out.
    """
    depth, start, statement = 0, 0, 0  # depth inside the present function, 0 outside
    line = 1
    for offset, char in enumerate(code):
        if char == "\n":
            line += 1
        elif char == "{":
            head = re.sub(r"^\s*#.*$", "", code[statement:offset], flags=re.M)
            if depth:
                depth += 1
            elif ")" in head and not _NOT_A_FUNCTION.search(head):
                depth, start = 1, line - head.strip().count("\n")
            else:
                statement = offset + 1
        elif char == "}":
            if depth:
                depth -= 1
                if depth == 0:
                    yield start, line
            if not depth:
                statement = offset + 1
        elif char == ";" and not depth:
            statement = offset + 1


def check_function_length(sources: list[Source]) -> Iterator[Finding]:
    for source in sources:
        if not source.is_cpp:
            continue
        for first, last in functions(source.code):
            if last - first + 1 > FUNCTION_LINES_MAX:
                yield (source.path, first, f"a function of {last - first + 1} lines, more than "
                       f"{FUNCTION_LINES_MAX}: split it by step")


def check_headers(sources: list[Source]) -> Iterator[Finding]:
    for source in sources:
        if not source.is_header:
            continue
        if not source.lines or not source.lines[0].startswith(("//", "/*")):
            yield source.path, 1, "a header opens with a comment that says what it is for"
        if "-inl" not in source.name and "#pragma once" not in source.lines:
            yield source.path, 1, "a header has #pragma once"


def check_cmake_lists(sources: list[Source]) -> Iterator[Finding]:
    """Every .cc is named by the CMakeLists.txt of its folder, or of the nearest one above."""
    lists = {s.path.rpartition("/")[0]: s for s in sources if s.name == "CMakeLists.txt"}
    for source in sources:
        if not source.path.endswith((".cc", ".cu")):
            continue
        folder = source.path.rpartition("/")[0]
        while folder and folder not in lists:
            folder = folder.rpartition("/")[0]
        relative = source.path[len(folder) + 1:]
        if folder not in lists or not re.search(
                rf"(?<![\w/.-]){re.escape(relative)}(?![\w.-])", lists[folder].text):
            yield source.path, 1, f"is not listed in {folder or '.'}/CMakeLists.txt: dead, or lost"


def _anchors(text: str) -> set[str]:
    headings = re.findall(r"^#+\s+(.*)$", text, re.M)
    slugs = (re.sub(r"[^\w\- ]", "", h.lower()).strip().replace(" ", "-") for h in headings)
    return set(slugs)


def check_links(sources: list[Source]) -> Iterator[Finding]:
    """Links between documents lead somewhere, headings included."""
    for source in sources:
        if not source.path.endswith(".md"):
            continue
        text = re.sub(r"^```.*?^```", lambda m: re.sub(r"[^\n]", " ", m.group()), source.text,
                      flags=re.M | re.S)
        for match in re.finditer(r"\]\(([^)\s]+)\)", text):
            target, _, anchor = match.group(1).partition("#")
            if re.match(r"[a-z]+:", target):
                continue
            path = (source.root / source.path).parent / target if target else (
                source.root / source.path)
            line = line_of(text, match.start())
            if not path.exists():
                yield source.path, line, f"the link {match.group(1)} leads nowhere"
            elif anchor and anchor not in _anchors(path.read_text(encoding="utf-8")):
                yield source.path, line, f"{target or source.path} has no heading #{anchor}"


CHECKS = [check_layers, check_banned_calls, check_banned_words, check_file_length,
          check_function_length, check_headers, check_cmake_lists, check_links]
