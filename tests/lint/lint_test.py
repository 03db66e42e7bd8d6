#!/usr/bin/env python3
"""Plants each violation in a small clean tree and expects lint.py to name it, and nothing else."""
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

LINT = Path(__file__).resolve().parent / "lint.py"

CLEAN = {
    "docs/architecture.md": """# Architecture
| Folder | May include |
|---|---|
| `sidecar/base` | |
| `sidecar/core` | `sidecar/base` |
| `sidecar/ingest` | `sidecar/base`, `sidecar/core`, `sidecar/net/http_server.h` |
| `sidecar/net` | `sidecar/base` |
| `tests` | `sidecar` |

| Library | Headers | Only in |
|---|---|---|
| Boost | `boost/` | `sidecar/net` |
| prometheus-cpp | `prometheus/` | `*_metrics` |
""",
    "README.md": "# Auspex\n\n## Layers and all\nSee [layers](docs/architecture.md#architecture), "
                 "[here](#layers-and-all), [a site](https://example.org/x).\n",
    "sidecar/core/CMakeLists.txt": "auspex_library(core SOURCES sample.cc sample_test.cc)\n",
    "sidecar/core/sample.h": "// A sample.\n#pragma once\n",
    "sidecar/core/sample.cc": """#include "sidecar/core/sample.h"
#include "absl/status/status.h"
#include "sidecar/base/clock.h"
// A comment may say new Thing, std::thread and using namespace.
const char* kText = "new Thing; delete it; std::cout";
Sample(const Sample&) = delete;
auto owned = std::unique_ptr<Sample>(
    new Sample(1'000));
""",
    "sidecar/core/sample_test.cc": '#include "tests/testing/manual_clock.h"\n'
                                   "void F() { std::thread t; }\n",
}


def body(lines: int) -> str:
    return "int F(int a,\n      int b) {\n" + "  a += b;\n" * (lines - 3) + "}\n"


# What is planted: file, text appended to it, a part of the expected finding.
PLANTED = [
    ("sidecar/core/sample.cc", '#include "sidecar/ingest/handler.h"\n', "may not include"),
    ("sidecar/core/sample_test.cc", '#include "sidecar/ingest/handler.h"\n', "may not include"),
    ("sidecar/core/sample.cc", '#include "tests/testing/clock.h"\n', "may not include"),
    ("sidecar/ingest/a.h", '// A.\n#pragma once\n#include "sidecar/net/http_client.h"\n',
     "may not include sidecar/net/http_client.h"),
    ("sidecar/other/a.h", '// A.\n#pragma once\n#include "sidecar/core/sample.h"\n',
     "not in the table"),
    ("sidecar/core/sample.cc", "#include <boost/asio.hpp>\n", "Boost is used only in"),
    ("sidecar/core/sample.h", '#include "prometheus/counter.h"\n', "only in *_metrics"),
    ("sidecar/core/sample.cc", "std::thread t;\n", "std::thread"),
    ("sidecar/core/sample.cc", "auto t = std::chrono::system_clock::now();\n", "auspex::Clock"),
    ("sidecar/core/sample.cc", "std::cout << 1;\n", "std::cout"),
    ("sidecar/core/sample.cc", 'printf("x");\n', "printf("),
    ("sidecar/core/sample.cc", "auto* p = new Sample;\n", "make_unique"),
    ("sidecar/core/sample.cc", "delete p;\n", "smart pointer"),
    ("sidecar/core/sample.cc", "assert(p);\n", "ABSL_ASSERT"),
    ("sidecar/core/sample.cc", "int r = rand();\n", "<random>"),
    ("sidecar/core/sample.cc", "using namespace std;\n", "name what is used"),
    ("sidecar/net/a.h", "// A.\n#pragma once\nbool b = std::isnan(0.0);\n", "IsStaleMarker"),
    ("sidecar/core/sample.cc", "// TO" "DO later\n", "finish it"),
    ("README.md", "It lies in /ho" "me/someone.\n", "no path of one machine"),
    ("README.md", "From deb.deb" "ian.org.\n", "registry"),
    ("README.md", "[x](docs/nothing.md)\n", "leads nowhere"),
    ("README.md", "[x](docs/architecture.md#nothing)\n", "no heading #nothing"),
    ("sidecar/core/big.h", "// Big.\n#pragma once\n" + "\n" * 599, "601 lines"),
    ("sidecar/core/sample.cc", body(71), "71 lines"),
    ("sidecar/core/sample.cc", "namespace a {\nstruct B {\n" + body(71) + "};\n}\n", "71 lines"),
    ("sidecar/core/bare.h", "#pragma once\n", "opens with a comment"),
    ("sidecar/core/twice.h", "// Twice.\n", "#pragma once"),
    ("sidecar/core/lost.cc", "int x;\n", "not listed"),
    ("sidecar/core/ample.cc", "int x;\n", "not listed"),
]


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def lint(files: dict[str, str]) -> tuple[int, list[str]]:
    """Exit status and findings of lint.py over a tree of these files."""
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), files)
        run = subprocess.run([sys.executable, str(LINT), folder], capture_output=True, text=True,
                             check=False)
    return run.returncode, run.stdout.strip().split("\n")[:-1]


class LintTest(unittest.TestCase):
    def test_clean_tree_passes(self):
        self.assertEqual(lint(CLEAN), (0, []))

    def test_limits_themselves_pass(self):
        files = {**CLEAN, "sidecar/core/big.h": "// Big.\n#pragma once\n" + "int x;\n" * 448,
                 "sidecar/core/sample.cc": body(70)}
        self.assertEqual(lint(files), (0, []))

    def test_each_planted_violation_is_the_one_finding(self):
        for path, text, expected in PLANTED:
            with self.subTest(path=path, text=text[:60]):
                status, found = lint({**CLEAN, path: CLEAN.get(path, "") + text})
                found = [line for line in found if ": note: " not in line]
                self.assertEqual(status, 1)
                self.assertEqual(len(found), 1, found)
                self.assertIn(expected, found[0])
                self.assertTrue(found[0].startswith(path + ":"), found[0])

    def test_missing_tables_fail(self):
        for text in ("", "# Architecture\n"):
            status, _ = lint({**CLEAN, "docs/architecture.md": text, "README.md": "# A\n"})
            self.assertEqual(status, 1)


if __name__ == "__main__":
    unittest.main()
