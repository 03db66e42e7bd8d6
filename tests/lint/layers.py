"""Includes against the two tables of docs/architecture.md."""
from __future__ import annotations

import re
from fnmatch import fnmatch
from pathlib import Path
from typing import Iterator

from source import Source

TABLES = "docs/architecture.md"
ALWAYS = ("absl/",)
OWN = ("sidecar/", "model/", "proto/", "tests/", "deploy/")
INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', re.M)


def table(text: str, first_heading: str) -> list[list[str]]:
    """The rows of the markdown table whose header row starts with that heading."""
    rows, inside = [], False
    for line in text.split("\n"):
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if not line.startswith("|"):
            inside = False
        elif cells[0] == first_heading:
            inside = True
        elif inside and not set(cells[0]) <= set("-: "):
            rows.append(cells)
    return rows


def names(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def covers(name: str, path: str) -> bool:
    """Whether a name of the tables (folder, header or *_suffix) covers a path."""
    if name.startswith("*"):
        return fnmatch(Path(path).stem, name)
    return path == name or path.startswith(name.rstrip("/") + "/")


class Layers:
    def __init__(self, text: str):
        self.allowed = {names(row[0])[0]: names(row[1]) for row in table(text, "Folder")}
        self.homes = [(row[0], names(row[1]), names(row[2])) for row in table(text, "Library")]

    def folder_of(self, path: str) -> str | None:
        """The longest listed folder that holds the path."""
        holders = [folder for folder in self.allowed if covers(folder, path)]
        return max(holders, key=len, default=None)

    def problem(self, source: Source, include: str) -> str | None:
        """Why the source may not include that header; None when it may."""
        if include.startswith(ALWAYS):
            return None
        if include.startswith(OWN):
            return self._own_problem(source, include)
        return self._library_problem(source, include)

    def _own_problem(self, source: Source, include: str) -> str | None:
        folder = self.folder_of(source.path)
        if folder is None:
            return f"its folder is not in the table of {TABLES}"
        allowed = self.allowed[folder] + [folder]
        if source.is_test:
            allowed += ["tests/testing", "model/testing"]
        if any(covers(name, include) for name in allowed):
            return None
        return f"{folder} may not include {include}; see the table in {TABLES}"

    def _library_problem(self, source: Source, include: str) -> str | None:
        for library, headers, homes in self.homes:
            if not any(include == h or h.endswith("/") and include.startswith(h) for h in headers):
                continue
            if source.path.startswith("tests/") or any(covers(h, source.path) for h in homes):
                return None
            if source.is_test and library == "prometheus-cpp":  # a test needs a registry to pass
                return None
            return f"{library} is used only in {', '.join(homes)}; see the table in {TABLES}"
        return None


def check_layers(sources: list[Source]) -> Iterator[tuple[str, int, str]]:
    tables = next((s for s in sources if s.path == TABLES), None)
    if tables is None:
        yield TABLES, 1, "is missing: it holds the tables of allowed includes"
        return
    layers = Layers(tables.text)
    if not layers.allowed or not layers.homes:
        yield TABLES, 1, "has no table of folders or no table of libraries"
        return
    for source in sources:
        if not source.is_cpp:
            continue
        for match in INCLUDE.finditer(source.text):
            problem = layers.problem(source, match.group(1))
            if problem:
                yield source.path, source.text.count("\n", 0, match.start(1)) + 1, problem
