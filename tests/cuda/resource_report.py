#!/usr/bin/env python3
"""Compiles the kernels for every target and prints what they use of a multiprocessor.

Usage: resource_report.py NVCC FLEET_PLANS ARCHITECTURE...      (such as 75-real 90)

Fails when a kernel spills registers. Registers are ptxas' word, shared memory and threads those of
fleet_plan.h, occupancy is computed from both. Nothing runs on a device.
"""
from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
KERNELS = "model/engine/cuda/fleet_kernels.cu"
KB = 1024


@dataclass(frozen=True)
class Multiprocessor:
    """Limits, from the tables of technical specifications in the CUDA C++ Programming Guide."""

    threads: int
    blocks: int
    shared: int  # bytes
    block_shared: int  # bytes that one block may have
    reserved: int  # bytes of every block that the system takes


MULTIPROCESSORS = {
    "70": Multiprocessor(2048, 32, 96 * KB, 96 * KB, 0),
    "75": Multiprocessor(1024, 16, 64 * KB, 64 * KB, 0),
    "80": Multiprocessor(2048, 32, 164 * KB, 163 * KB, KB),
    "86": Multiprocessor(1536, 16, 100 * KB, 99 * KB, KB),
    "89": Multiprocessor(1536, 24, 100 * KB, 99 * KB, KB),
    "90": Multiprocessor(2048, 32, 228 * KB, 227 * KB, KB),
}
REGISTERS = 64 * KB  # of a multiprocessor
CELLS = ("lstm", "gru", "transformer")  # as the enumeration numbers them
FUNCTION = re.compile(
    r"entry function '\w*?(EncodeItems|DecodeTiles)\w*?(?:CellE(\d)ELi(\d+)E\w*)?' for 'sm_(\d+)'.*?"
    r"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads.*?"
    r"Used (\d+) registers", re.S)


@dataclass(frozen=True)
class Kernel:
    name: str  # lstm16, gru0, transformer0, decoder
    architecture: str
    stack: int
    spills: int
    registers: int


def compile_kernels(nvcc: str, architectures: list[str]) -> list[Kernel]:
    targets = [f"--generate-code=arch=compute_{a},code=sm_{a}" for a in architectures]
    with tempfile.TemporaryDirectory() as folder:
        result = subprocess.run(
            [nvcc, "-std=c++20", "-O3", "-DNDEBUG", f"-I{ROOT}", "-Xptxas=-v", *targets,
             "-c", str(ROOT / KERNELS), "-o", f"{folder}/kernels.o"],
            capture_output=True, text=True, check=False)
    if result.returncode:
        sys.exit(result.stdout + result.stderr)
    kernels = []
    for match in FUNCTION.finditer(result.stdout + result.stderr):
        kind, cell, units, architecture, stack, stores, loads, registers = match.groups()
        name = "decoder" if kind == "DecodeTiles" else CELLS[int(cell)] + units
        kernels.append(Kernel(name, architecture, int(stack), int(stores) + int(loads),
                              int(registers)))
    return kernels


def blocks_at_once(limits: Multiprocessor, registers: int, threads: int, shared: int) -> int:
    """Registers are given to warps in units of 256, to blocks in whole groups of four warps."""
    warps = -(-threads // 32)
    of_warp = -(-registers * 32 // 256) * 256
    by_registers = REGISTERS // of_warp // 4 * 4 // warps
    by_shared = limits.shared // (-(-(shared + limits.reserved) // 256) * 256)
    return min(limits.blocks, limits.threads // (32 * warps), by_registers, by_shared)


def print_plans(fleet_plans: str, kernels: list[Kernel], architectures: list[str]) -> None:
    print("| network | target | kernel | registers | threads | shared memory | blocks at once | "
          "occupancy |\n|---|---|---|---|---|---|---|---|")
    used = {(k.name, k.architecture): k for k in kernels}
    for architecture in architectures:
        limits = MULTIPROCESSORS[architecture]
        lines = subprocess.run([fleet_plans, str(limits.block_shared)], capture_output=True,
                               text=True, check=True).stdout.splitlines()
        for line in lines:
            network, encoder, *numbers = line.split()[1:]
            sizes = list(map(int, numbers))
            for name, threads, shared in ((encoder, *sizes[:2]), ("decoder", *sizes[2:])):
                kernel = used[name, architecture]
                blocks = blocks_at_once(limits, kernel.registers, threads, shared)
                print(f"| {network} | sm_{architecture} | {name} | {kernel.registers} | {threads} | "
                      f"{shared / KB:.1f} KiB | {blocks} | "
                      f"{100 * blocks * threads / limits.threads:.0f} % |")


def main(argv: list[str]) -> int:
    nvcc, fleet_plans, *targets = argv[1:]
    architectures = [target.removesuffix("-real") for target in targets]
    kernels = compile_kernels(nvcc, architectures)
    expected = 10 * len(architectures)  # two cells in four forms, one in one, and the decoder
    if len(kernels) != expected:
        print(f"{len(kernels)} kernels found, must be {expected}")
        return 1
    print_plans(fleet_plans, kernels, architectures)
    spilling = [k for k in kernels if k.spills or k.stack]
    for kernel in spilling:
        print(f"{kernel.name} for sm_{kernel.architecture}: {kernel.spills} bytes spilled, "
              f"{kernel.stack} bytes of stack")
    print(f"{len(kernels)} kernels, {len(spilling)} with spills")
    return 1 if spilling else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
