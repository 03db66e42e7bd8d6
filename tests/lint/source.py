"""One text file of the tree, as the checks see it."""
from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

SKIPPED_FOLDERS = {".git", ".cache", "build", "node_modules", "dist"}
TEXT_SUFFIXES = {".cc", ".h", ".cu", ".cuh", ".py", ".sh", ".proto", ".md", ".txt", ".cmake",
                 ".yml", ".yaml", ".in", ".json", ".ts", ".vue", ".js", ".css", ".html", ""}
CPP_SUFFIXES = {".cc", ".h", ".cu", ".cuh"}

_TOKEN = re.compile(
    r'//[^\n]*|/\*.*?\*/|R"(?P<d>[^(\s]*)\(.*?\)(?P=d)"|"(?:\\.|[^"\\\n])*"|'
    r"(?<![0-9A-Fa-f])'(?:\\.|[^'\\\n])+'", re.S)


def blank_comments_and_strings(text: str) -> str:
    """C++ text with comments and literals blanked out, line by line as long as before."""
    return _TOKEN.sub(lambda m: re.sub(r"[^\n]", " ", m.group()), text)


@dataclass(frozen=True)
class Source:
    root: Path
    path: str  # relative to the root, with forward slashes

    @property
    def name(self) -> str:
        return Path(self.path).name

    @property
    def is_cpp(self) -> bool:
        return Path(self.path).suffix in CPP_SUFFIXES

    @property
    def is_header(self) -> bool:
        return Path(self.path).suffix in {".h", ".cuh"}

    @property
    def is_test(self) -> bool:
        return self.path.startswith("tests/") or Path(self.path).stem.endswith("_test")

    @cached_property
    def text(self) -> str:
        return (self.root / self.path).read_text(encoding="utf-8")

    @cached_property
    def lines(self) -> list[str]:
        return self.text.split("\n")[:-1] if self.text.endswith("\n") else self.text.split("\n")

    @cached_property
    def code(self) -> str:
        """The text that the compiler acts on."""
        return blank_comments_and_strings(self.text) if self.is_cpp else self.text


def find_sources(root: Path) -> list[Source]:
    """Every text file under root that is not a build product, in a fixed order."""
    found = []
    for path in sorted(root.rglob("*")):
        parts = path.relative_to(root).parts
        if SKIPPED_FOLDERS.intersection(parts) or not path.is_file() or path.is_symlink():
            continue
        if path.suffix not in TEXT_SUFFIXES:
            continue
        try:
            path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        found.append(Source(root, path.relative_to(root).as_posix()))
    return found


def line_of(text: str, offset: int) -> int:
    return text.count("\n", 0, offset) + 1
