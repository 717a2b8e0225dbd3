import { countBits, type DealUnit } from '@hbnn/circuit';
import { bitsText, muxLines } from './emitMatrix.ts';
import { constant, moduleOf, range, streamHeader } from './emitStream.ts';

/** A pixel's channels, some in each beat. The pixel stays where it is offered, and is taken with its last beat. */
export function dealText({ name, bits, inputWidth, outputWidth }: DealUnit): string {
  const turns = bits.length;
  const width = countBits(turns - 1);
  const dealt = bits.map((own) => bitsText('s_axis_tdata', own));
  return moduleOf([
    streamHeader(name, inputWidth, outputWidth),
    `  // Deals a pixel out in ${turns} beats.`,
    `  reg ${range(width)} turn;`,
    `  reg ${range(outputWidth)} beat;`,
    '  reg full;',
    ...muxLines('dealt', outputWidth, 'turn', dealt),
    '  wire free = ~full | m_axis_tready;',
    `  wire last = turn == ${constant(width, turns - 1)};`,
    '  assign s_axis_tready = last & free;',
    '  assign m_axis_tvalid = full;',
    '  assign m_axis_tdata = beat;',
    '  always @(posedge aclk) begin',
    '    if (!aresetn) begin',
    `      turn <= ${constant(width, 0)};`,
    "      full <= 1'b0;",
    '    end else if (free) begin',
    '      full <= s_axis_tvalid;',
    `      if (s_axis_tvalid) turn <= last ? ${constant(width, 0)} : turn + ${constant(width, 1)};`,
    '    end',
    '    if (free) beat <= dealt;',
    '  end',
  ]);
}
