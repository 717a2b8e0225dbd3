import { beatWidth, countBits, type Design, type FoldedDesign, indexWidth } from '@hbnn/circuit';
import { userBits } from './emitFolded.ts';
import { range } from './emitStream.ts';

/**
 * Assertions in SystemVerilog that are bound to a design's top module: for simulators and provers that read them. Logic
 * without a clock has none, and is undefined here.
 */
export function assertionsText(design: Design | FoldedDesign): string | undefined {
  if (design.kind === 'folded') return streamAssertions(design);
  return design.latencyCycles > 0 ? pipelineAssertions(design) : undefined;
}

const head = (top: string): string =>
  `// Assertions on ${top}: read this file beside its Verilog, with verilator --assert or another reader of SystemVerilog.
\`timescale 1ns / 1ps
\`default_nettype none

`;

function streamAssertions(design: FoldedDesign): string {
  const { top, input, scores, frame } = design;
  const user = userBits(design);
  const bits = countBits(scores.beats - 1);
  const framed = frame !== undefined;
  const data = framed ? '{s_axis_tdata, s_axis_tlast}' : 's_axis_tdata';
  return `${head(top)}module ${top}_sva (
    input wire aclk,
    input wire aresetn,
    input wire ${range(beatWidth(input))} s_axis_tdata,
    input wire s_axis_tvalid,
    input wire s_axis_tready,
${framed ? '    input wire s_axis_tlast,\n' : ''}    input wire ${range(32 * scores.each)} m_axis_tdata,
    input wire m_axis_tvalid,
    input wire m_axis_tready,
    input wire ${range(user)} m_axis_tuser,
    input wire m_axis_tlast
);
  // What drives the pixels keeps to the rules.
  pixels_stay: assume property (@(posedge aclk) disable iff (!aresetn)
      s_axis_tvalid && !s_axis_tready |=> s_axis_tvalid && $stable(${data}));

  // A beat of scores that is offered stays until it is taken.
  scores_stay: assert property (@(posedge aclk) disable iff (!aresetn)
      m_axis_tvalid && !m_axis_tready |=>
      m_axis_tvalid && $stable({m_axis_tdata, m_axis_tuser, m_axis_tlast}));
  // Nothing is offered after a clock edge in reset.
  reset_clears: assert property (@(posedge aclk) !aresetn |=> !m_axis_tvalid);

  // The last of the ${scores.beats} beat(s) of an image, and no other, has m_axis_tlast.
  reg ${range(bits)} beat;
  always @(posedge aclk)
    if (!aresetn) beat <= 0;
    else if (m_axis_tvalid && m_axis_tready) beat <= m_axis_tlast ? 0 : beat + 1;
  last_beat: assert property (@(posedge aclk) disable iff (!aresetn)
      m_axis_tvalid |-> m_axis_tlast == (beat == ${scores.beats - 1}));
  number_of_class: assert property (@(posedge aclk) disable iff (!aresetn)
      m_axis_tvalid && m_axis_tlast |-> {1'b0, m_axis_tuser} < ${user + 1}'d${design.classes.length});
endmodule

bind ${top} ${top}_sva assertions (.*);

\`default_nettype wire
`;
}

function pipelineAssertions(design: Design): string {
  const { top, classes, latencyCycles } = design;
  const count = classes.length;
  const width = indexWidth(count);
  const bits = countBits(latencyCycles);
  return `${head(top)}module ${top}_sva (
    input wire clk,
    input wire ${range(32 * count)} scores,
    input wire ${range(width)} largest
);
  // Before an image has come through, registers hold anything.
  reg ${range(bits)} cycles = 0;
  wire filled = cycles == ${latencyCycles};
  always @(posedge clk) if (!filled) cycles <= cycles + 1;

  // The first of the largest scores has the number.
  wire signed [31:0] best = scores[32*largest+:32];
  wire [31:0] number = {${32 - width}'d0, largest};
  number_of_class: assert property (@(posedge clk) filled |-> number < ${count});
  genvar k;
  generate
    for (k = 0; k < ${count}; k = k + 1) begin : class_number
      wire signed [31:0] score = scores[32*k+:32];
      is_largest: assert property (@(posedge clk) filled |-> score <= best);
      is_first: assert property (@(posedge clk) filled && score == best |-> number <= k);
    end
  endgenerate
endmodule

bind ${top} ${top}_sva assertions (.*);

\`default_nettype wire
`;
}
