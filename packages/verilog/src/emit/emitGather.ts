import { type Chain, chainsOf, countBits, type GatherUnit, keepRom } from '@hbnn/circuit';
import { constant, moduleOf, range, romLines, streamHeader } from './emitStream.ts';

/** A pixel's channels from several beats: each bit of the beats goes through registers, which together are the pixel. */
export function gatherText(unit: GatherUnit): string {
  const { name, bits, inputWidth, outputWidth } = unit;
  const turns = bits.length;
  const width = countBits(turns - 1);
  const chains = chainsOf(unit);
  const { rom, of } = keepRom(unit);
  const whenOf = (b: number): string => (of[b] < 0 ? 'take' : `take & keep[${of[b]}]`);
  return moduleOf([
    streamHeader(name, inputWidth, outputWidth),
    `  // Gathers a pixel from ${turns} beats: each bit goes through registers of its own.`,
    `  reg ${range(width)} turn;`,
    '  reg full;',
    ...chains.map(({ to }, b) => `  reg ${range(to.length)} chain_${b};`),
    '  wire take = s_axis_tvalid & s_axis_tready;',
    `  wire last = turn == ${constant(width, turns - 1)};`,
    ...(rom.width === 0 ? [] : romLines('keep', rom.width, 'turn', rom.addressWidth, rom.words)),
    '  assign s_axis_tready = ~full | m_axis_tready;',
    '  assign m_axis_tvalid = full;',
    ...pixelLines(chains, outputWidth),
    '  always @(posedge aclk) begin',
    '    if (!aresetn) begin',
    `      turn <= ${constant(width, 0)};`,
    "      full <= 1'b0;",
    '    end else begin',
    '      if (s_axis_tready) full <= take & last;',
    `      if (take) turn <= last ? ${constant(width, 0)} : turn + ${constant(width, 1)};`,
    '    end',
    ...chains.map(({ to }, b) => {
      const before = to.length === 1 ? '' : `, chain_${b}[${to.length - 1}:1]`;
      return `    if (${whenOf(b)}) chain_${b} <= {s_axis_tdata[${b}]${before}};`;
    }),
    '  end',
  ]);
}

const perLine = 8;

/** The pixel's bits, in runs of registers that follow each other. */
function pixelLines(chains: readonly Chain[], width: number): string[] {
  const from: [chain: number, at: number][] = new Array(width);
  chains.forEach(({ to }, chain) => {
    to.forEach((bit, at) => {
      from[bit] = [chain, at];
    });
  });
  const parts: string[] = [];
  for (let bit = 0; bit < width; ) {
    const [chain, first] = from[bit];
    let length = 1;
    while (from[bit + length]?.[0] === chain && from[bit + length][1] === first + length) length++;
    parts.push(
      length === 1 ? `chain_${chain}[${first}]` : `chain_${chain}[${first + length - 1}:${first}]`,
    );
    bit += length;
  }
  const lines: string[] = [];
  const high = parts.reverse();
  for (let i = 0; i < high.length; i += perLine)
    lines.push(`      ${high.slice(i, i + perLine).join(', ')}`);
  return ['  assign m_axis_tdata = {', lines.join(',\n'), '  };'];
}
