import { beats, type Design, type FoldedDesign } from '@hbnn/circuit';
import { checkOptions, HbnnError } from '@hbnn/core';
import { assertionsText } from './assertions.ts';
import { cocotbMake, cocotbTest } from './cocotb.ts';
import { dmaHeader, dmaText } from './dmaBridge.ts';
import { isPrimitives, modelsFile } from './primitives.ts';
import { isRom, isTestbench, testbenchNames } from './testbenchNames.ts';

export interface ProjectOptions {
  /** The clock that constraints ask for, in MHz; default 100. */
  readonly clockMhz?: number;
}

export const defaultClockMhz = 100;

/**
 * Write what other tools need beside a design's Verilog: a list of its files, its clock for Vivado (XDC) and for others
 * (SDC), a FuseSoC core and a cocotb test. A design with a clock also gets assertions in SystemVerilog, a folded one a
 * module for DMA engines with a header in C, and one of plain gates a configuration of OpenLane.
 *
 * @param files the design's files and those of its testbench, as `verilogFiles` and `testbenchFiles` write them
 * @throws HbnnError for a clock that is not above 0
 */
export function projectFiles(
  design: Design | FoldedDesign,
  files: Readonly<Record<string, string>>,
  o: ProjectOptions = {},
): Record<string, string> {
  checkOptions('projectFiles', o, ['clockMhz']);
  const { clockMhz = defaultClockMhz } = o;
  if (!(clockMhz > 0 && Number.isFinite(clockMhz)))
    throw new HbnnError(`clock: expected megahertz above 0, got ${clockMhz}; give the clock`);
  const { top } = design;
  const lists = fileLists(Object.keys(files));
  const assertions = assertionsText(design);
  return {
    [`${top}.f`]: listText(design, lists),
    [`${top}.xdc`]: constraints(design, clockMhz, '#', false),
    [`${top}.sdc`]: constraints(design, clockMhz, '#', true),
    [`${top}.core`]: coreText(design, lists),
    [`test_${top}.py`]: cocotbTest(design, `test_${top}`),
    'cocotb.mk': cocotbMake(design, [...lists.rtl, ...lists.models], `test_${top}`),
    ...(assertions !== undefined && { [`${top}_sva.sv`]: assertions }),
    ...(design.kind === 'folded' && {
      [`${top}_dma.v`]: dmaText(design),
      [`${top}_dma.h`]: dmaHeader(design),
    }),
    // OpenLane runs Yosys in a folder of its own, where $readmemh finds no file; and chips have no LUT6_2.
    ...(design.style === 'gates' &&
      lists.roms.length === 0 && {
        [`${top}_openlane.json`]: openLaneText(design, lists, clockMhz),
      }),
  };
}

interface FileLists {
  /** Verilog for synthesis, parts before those that are made of them. */
  readonly rtl: readonly string[];
  /** Contents of memories, which the Verilog reads by name. */
  readonly roms: readonly string[];
  /** Models of a vendor's cells, for simulation alone. */
  readonly models: readonly string[];
}

function fileLists(names: readonly string[]): FileLists {
  const verilog = names.filter((name) => name.endsWith('.v') && !isTestbench(name));
  const rtl = verilog.filter((name) => name !== modelsFile);
  const first = rtl.filter(isPrimitives);
  return {
    rtl: [...first, ...rtl.filter((name) => !first.includes(name))],
    roms: names.filter(isRom),
    models: verilog.filter((name) => name === modelsFile),
  };
}

/** The clock's port; undefined for logic without one. */
const clockPort = (design: Design | FoldedDesign): string | undefined =>
  design.kind === 'folded' ? 'aclk' : design.latencyCycles > 0 ? 'clk' : undefined;

function listText(design: Design | FoldedDesign, { rtl, roms, models }: FileLists): string {
  const { top } = design;
  const comments = [
    `// The files of ${top} for synthesis: 'verilator -f', 'iverilog -c'.`,
    ...(design.kind === 'folded'
      ? [`// For a DMA engine add ${top}_dma.v, which is not listed.`]
      : []),
    ...models.map((name) => `// For simulation add ${name}: synthesis has cells of its own.`),
    ...(roms.length > 0
      ? [`// ${roms.length} .hex file(s) beside them have contents of memories.`]
      : []),
  ];
  return `${[...comments, ...rtl].join('\n')}\n`;
}

/** A clock, or where there is none the time from inputs to outputs; ends of a chip's own paths are for SDC alone. */
function constraints(
  design: Design | FoldedDesign,
  clockMhz: number,
  comment: string,
  ports: boolean,
): string {
  const period = (1000 / clockMhz).toFixed(3);
  const clock = clockPort(design);
  const head = `${comment} ${design.top} at ${clockMhz} MHz: a period of ${period} ns.\n`;
  if (clock === undefined)
    return `${head}set_max_delay ${period} -from [all_inputs] -to [all_outputs]\n`;
  const share = (0.2 * Number(period)).toFixed(3);
  const ends = [
    `${comment} A fifth of the period is left to what is outside.`,
    `set_input_delay ${share} -clock ${clock} [all_inputs]`,
    `set_output_delay ${share} -clock ${clock} [all_outputs]`,
  ];
  const create = `create_clock -name ${clock} -period ${period} [get_ports ${clock}]\n`;
  return `${head}${create}${ports ? `${ends.join('\n')}\n` : ''}`;
}

/** A configuration for OpenLane 2 (LibreLane), from Verilog to the layout of a chip. */
function openLaneText(design: Design | FoldedDesign, { rtl }: FileLists, clockMhz: number): string {
  const sdc = `dir::${design.top}.sdc`;
  const config = {
    DESIGN_NAME: design.top,
    VERILOG_FILES: rtl.map((name) => `dir::${name}`),
    CLOCK_PORT: clockPort(design) ?? null,
    CLOCK_PERIOD: Number((1000 / clockMhz).toFixed(3)),
    PNR_SDC_FILE: sdc,
    SIGNOFF_SDC_FILE: sdc,
  };
  return `${JSON.stringify(config, null, 2)}\n`;
}

function coreText(design: Design | FoldedDesign, { rtl, roms, models }: FileLists): string {
  const { top } = design;
  const names = testbenchNames(design.prefix);
  const list = (files: readonly string[]): string =>
    files.map((file) => `      - ${file}\n`).join('');
  const beside = (files: readonly string[]): string =>
    files.map((file) => `      - ${file}: {file_type: user, copyto: ${file}}\n`).join('');
  const what =
    design.kind === 'folded'
      ? `layers between streams, ${beats(design.input)} beats an image`
      : design.latencyCycles > 0
        ? `an image per cycle, ${design.latencyCycles} cycles later its scores`
        : 'logic without a clock';
  return `CAPI=2:
name: ::${top}:0
description: "A neural network of heterogeneous bitwidth, ${what}"

filesets:
  rtl:
    file_type: verilogSource-2005
    files:
${list(rtl)}${beside(roms)}${models.length === 0 ? '' : `  models:\n    file_type: verilogSource-2005\n    files:\n${list(models)}`}  testbench:
    file_type: verilogSource-2005
    files:
      - ${names.module}.v
${beside([names.pixels, names.scores])}  constraints:
    files:
      - ${top}.xdc: {file_type: xdc}

targets:
  default:
    filesets: [rtl]
    toplevel: ${top}
  sim:
    description: "The testbench, which compares scores"
    default_tool: icarus
    filesets: [rtl${models.length > 0 ? ', models' : ''}, testbench]
    toplevel: ${names.module}
    tools:
      icarus:
        iverilog_options: [-g2005, -Wall]
  lint:
    default_tool: verilator
    filesets: [rtl${models.length > 0 ? ', models' : ''}]
    toplevel: ${top}
    tools:
      verilator:
        mode: lint-only
        verilator_options: [-Wall]
  vivado:
    default_tool: vivado
    filesets: [rtl, constraints]
    toplevel: ${top}
    tools:
      vivado:
        part: xc7z045ffg900-2
`;
}
