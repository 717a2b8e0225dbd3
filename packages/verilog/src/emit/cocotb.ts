import {
  beats,
  beatWidth,
  busWidth,
  type Design,
  type FoldedDesign,
  indexWidth,
} from '@hbnn/circuit';
import { testbenchNames } from './testbenchNames.ts';

/** A makefile for cocotb: `make -f cocotb.mk` in the folder. */
export const cocotbMake = (
  { top }: Design | FoldedDesign,
  sources: readonly string[],
  test: string,
): string => `# 'make -f cocotb.mk' runs ${test}.py by cocotb, in Icarus Verilog or with SIM=verilator in Verilator.
SIM ?= icarus
TOPLEVEL_LANG = verilog
VERILOG_SOURCES = $(addprefix $(CURDIR)/, \\
  ${sources.join(' \\\n  ')})
TOPLEVEL = ${top}
MODULE = ${test}
# The names that cocotb 2 has for these.
COCOTB_TOPLEVEL = $(TOPLEVEL)
COCOTB_TEST_MODULES = $(MODULE)
ifeq ($(SIM),verilator)
EXTRA_ARGS += -Wno-fatal
endif

include $(shell cocotb-config --makefiles)/Makefile.sim
`;

/** A test for cocotb: the testbench's images and scores, with pauses at both ends of streams. */
export function cocotbTest(design: Design | FoldedDesign, test: string): string {
  const names = testbenchNames(design.prefix);
  return `"""Checks ${design.top} by cocotb: the images and scores of ${names.module}. Run: make -f cocotb.mk"""
import random
from pathlib import Path

import cocotb
from cocotb.triggers import ${design.kind === 'folded' ? 'FallingEdge, ReadOnly' : 'Timer'}
${clocked(design) ? 'from cocotb.clock import Clock\n' : ''}
HERE = Path(__file__).parent


def lines(name):
    """The numbers of a .hex file, line by line."""
    return [int(line, 16) for line in (HERE / name).read_text().split()]


PIXELS = lines("${names.pixels}")
SCORES = lines("${names.scores}")

${design.kind === 'folded' ? streamTest(design, test) : unrolledTest(design, test)}`;
}

const clocked = (design: Design | FoldedDesign): boolean =>
  design.kind === 'folded' || design.latencyCycles > 0;

function streamTest(design: FoldedDesign, test: string): string {
  const { input, scores, cyclesPerImage, frame } = design;
  const patience = 100_000 + 8 * Math.ceil(cyclesPerImage);
  const last =
    frame === undefined
      ? ''
      : `        dut.s_axis_tlast.value = int(sent % ${beats(input)} == ${beats(input) - 1})\n`;
  return `
@cocotb.test()
async def ${test}(dut):
    """Every beat of scores is right, and stays until it is taken."""
    chance = random.Random(1)
    cocotb.start_soon(Clock(dut.aclk, 10, "ns").start())
    dut.aresetn.value = 0
    dut.s_axis_tvalid.value = 0
    dut.s_axis_tdata.value = 0
    dut.m_axis_tready.value = 0
    for _ in range(4):
        await FallingEdge(dut.aclk)
    dut.aresetn.value = 1
    sent = got = idle = 0
    offered = False
    waiting = None
    while got < len(SCORES):
        await FallingEdge(dut.aclk)
        if not offered and sent < len(PIXELS):
            offered = chance.random() < 0.7
        dut.s_axis_tvalid.value = int(offered)
        dut.s_axis_tdata.value = PIXELS[sent] if offered else chance.getrandbits(${beatWidth(input)})
${last}        ready = chance.random() < 0.7
        dut.m_axis_tready.value = int(ready)
        await ReadOnly()
        idle += 1
        assert idle < ${patience}, f"nothing moves after {sent} pixels and {got} beats of scores"
        if offered and dut.s_axis_tready.value == 1:
            sent += 1
            offered = False
            idle = 0
        valid = dut.m_axis_tvalid.value == 1
        if waiting is not None:
            assert valid and int(dut.m_axis_tdata.value) == waiting, f"beat {got} did not stay until it was taken"
        waiting = None
        if valid and not ready:
            waiting = int(dut.m_axis_tdata.value)
        if valid and ready:
            found = int(dut.m_axis_tdata.value)
            assert found == SCORES[got], f"beat {got}: expected {SCORES[got]:x}, got {found:x}"
            end = got % ${scores.beats} == ${scores.beats - 1}
            assert bool(dut.m_axis_tlast.value) == end, f"beat {got}: m_axis_tlast is not {end}"
            got += 1
            idle = 0
`;
}

function unrolledTest(design: Design, test: string): string {
  const { classes, latencyCycles: latency, input } = design;
  const clock = latency > 0;
  return `LATENCY = ${latency}
CLASSES = ${classes.length}


def largest(scores):
    """The number of the largest score, the first of equal ones."""
    words = [(scores >> (32 * k)) & 0xFFFFFFFF for k in range(CLASSES)]
    signed = [word - 2**32 if word >= 2**31 else word for word in words]
    return signed.index(max(signed))


@cocotb.test()
async def ${test}(dut):
    """Every image has its scores${clock ? ', one image per cycle' : ''}."""
${clock ? '    clock = Clock(dut.clk, 10, "ns")\n    cocotb.start_soon(clock.start(start_high=False))\n' : ''}    chance = random.Random(1)
    for cycle in range(len(PIXELS) + LATENCY):
        more = cycle < len(PIXELS)
        dut.pixels.value = PIXELS[cycle] if more else chance.getrandbits(${busWidth(input)})
        await Timer(4, "ns")
        image = cycle - LATENCY
        if image >= 0:
            found = int(dut.scores.value)
            assert found == SCORES[image], f"image {image}: expected {SCORES[image]:x}, got {found:x}"
            assert int(dut.largest.value) % ${2 ** indexWidth(classes.length)} == largest(SCORES[image]), f"image {image}: another largest score"
        await Timer(6, "ns")
`;
}
