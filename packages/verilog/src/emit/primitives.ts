/** The files of counters and adders, of models of a vendor's cells for simulators alone, and of those cells' ports. */
export const primitivesFile = 'hbnn_xc7.v';
/** Whether a file is that of counters and adders, under a design's prefix or none. */
export const isPrimitives = (name: string): boolean => /^hbnn_xc7(_\w+)?\.v$/.test(name);
export const primitivesOf = (files: Readonly<Record<string, string>>): string | undefined =>
  files[Object.keys(files).find(isPrimitives) ?? primitivesFile];
export const modelsFile = 'xc7_models.v';
export const boxesFile = 'xc7_boxes.v';

/**
 * A 7:3 counter in two LUTs and half a CARRY4. With t5 the count of x[4:0]: the chain's first place takes the parity of
 * x[5:0], its second t5 in {2, 3}, generating a carry where t5 >= 4; x[5] enters through the first place's O5.
 * INVERT turns inputs x[4:0] round within the LUTs.
 */
const count7 = `// The number of ones among seven bits: two LUTs and half a CARRY4.
module hbnn_count7 #(
    parameter [6:0] INVERT = 7'b0
) (
    input  wire [6:0] x,
    output wire [2:0] count
);
  function [63:0] parity(input [5:0] flip);
    integer i;
    reg [5:0] j;
    for (i = 0; i < 64; i = i + 1) begin
      j = i[5:0] ^ flip;
      parity[i] = ^j;
    end
  endfunction

  // Upper half, O6: 2 or 3 of five; lower half, O5: 4 or 5 of five.
  function [63:0] upper(input [4:0] flip);
    integer i;
    reg [4:0] j;
    reg [2:0] t;
    for (i = 0; i < 32; i = i + 1) begin
      j = i[4:0] ^ flip;
      t = {2'b0, j[0]} + {2'b0, j[1]} + {2'b0, j[2]} + {2'b0, j[3]} + {2'b0, j[4]};
      upper[i+32] = (t == 3'd2) | (t == 3'd3);
      upper[i] = t > 3'd3;
    end
  endfunction

  wire [1:0] s, d, unused_co;
  wire [1:0] unused_o;
  wire co;
  LUT6_2 #(.INIT(parity({1'b0, INVERT[4:0]}))) low (
      .I0(x[0]), .I1(x[1]), .I2(x[2]), .I3(x[3]), .I4(x[4]), .I5(x[5]), .O5(d[0]), .O6(s[0]));
  LUT6_2 #(.INIT(upper(INVERT[4:0]))) high (
      .I0(x[0]), .I1(x[1]), .I2(x[2]), .I3(x[3]), .I4(x[4]), .I5(1'b1), .O5(d[1]), .O6(s[1]));
  wire unused_first;
  CARRY4 chain (
      .CI(1'b0), .CYINIT(x[6]), .DI({2'b0, d}), .S({2'b0, s}),
      .CO({unused_co, co, unused_first}), .O({unused_o, count[1:0]}));
  assign count[2] = co;
endmodule
`;

/** Three rows in one LUT per column: each LUT makes a^b^c^m, with m the majority made in the column below it. */
const add3 = `// The sum of three rows, x[3*i +: 3] weighing 2^i, and of two more bits of weight 1: one LUT per column.
module hbnn_add3 #(
    parameter COLUMNS = 1,
    parameter OUTPUTS = 3,
    parameter [3*COLUMNS+1:0] INVERT = 0
) (
    input  wire [3*COLUMNS+1:0] x,
    output wire [OUTPUTS-1:0]   sum
);
  // Places of the chain; one more output is its last carry.
  localparam PLACES = OUTPUTS > COLUMNS + 1 ? COLUMNS + 1 : OUTPUTS;
  localparam BLOCKS = (PLACES + 3) / 4;

  // Upper half, O6: a^b^c^m; lower half, O5: the majority of a, b, c.
  function [63:0] table3(input [2:0] flip);
    integer i;
    reg [2:0] j;
    for (i = 0; i < 32; i = i + 1) begin
      j = i[2:0] ^ flip;
      table3[i+32] = ^{j, i[3]};
      table3[i] = (j[0] & j[1]) | (j[0] & j[2]) | (j[1] & j[2]);
    end
  endfunction

  wire [4*BLOCKS-1:0] s, d, o, co;
  wire [4*BLOCKS:0] m;
  assign m[0] = x[3*COLUMNS];
  genvar i;
  generate
    for (i = 0; i < 4 * BLOCKS; i = i + 1) begin : column
      if (i < PLACES) begin : used
        wire [2:0] abc;
        if (i < COLUMNS) begin : rows
          assign abc = x[3*i+:3];
          LUT6_2 #(.INIT(table3(INVERT[3*i+:3]))) lut (
              .I0(abc[0]), .I1(abc[1]), .I2(abc[2]), .I3(m[i]), .I4(1'b0), .I5(1'b1),
              .O5(m[i+1]), .O6(s[i]));
        end else begin : top
          assign abc = 3'b0;
          LUT6_2 #(.INIT(table3(3'b0))) lut (
              .I0(abc[0]), .I1(abc[1]), .I2(abc[2]), .I3(m[i]), .I4(1'b0), .I5(1'b1),
              .O5(m[i+1]), .O6(s[i]));
        end
        assign d[i] = m[i];
      end else begin : above
        assign s[i] = 1'b0;
        assign d[i] = 1'b0;
        assign m[i+1] = 1'b0;
      end
    end
    for (i = 0; i < BLOCKS; i = i + 1) begin : block
      if (i == 0) begin : first
        CARRY4 chain (
            .CI(1'b0), .CYINIT(x[3*COLUMNS+1]), .DI(d[3:0]), .S(s[3:0]), .CO(co[3:0]), .O(o[3:0]));
      end else begin : next
        CARRY4 chain (
            .CI(co[4*i-1]), .CYINIT(1'b0), .DI(d[4*i+:4]), .S(s[4*i+:4]),
            .CO(co[4*i+:4]), .O(o[4*i+:4]));
      end
    end
    if (OUTPUTS > PLACES) begin : carried
      assign sum = {co[PLACES-1], o[PLACES-1:0]};
    end else begin : fits
      assign sum = o[PLACES-1:0];
    end
  endgenerate
  wire unused = &{1'b0, o, co, m[4*BLOCKS], INVERT[3*COLUMNS+1:3*COLUMNS]};
endmodule
`;

const head = (what: string): string =>
  `// ${what}\n/* verilator lint_off DECLFILENAME */\n\`timescale 1ns / 1ps\n\`default_nettype none\n\n`;
const foot = '\n`default_nettype wire\n';

/** Counters and adders made of the LUTs and carry chains of Xilinx's 7 series. */
export const xc7Primitives = `${head(
  "Counters and adders of LUT6_2 and CARRY4, the cells of Xilinx's 7 series and UltraScale's predecessors.",
)}${count7}\n${add3}${foot}`;

/** What LUT6_2 and CARRY4 do, for simulators that do not know them; leave it out of synthesis. */
export const xc7Models = `${head('Models of LUT6_2 and CARRY4 for simulation alone: synthesis has its own.')}module LUT6_2 #(
    parameter [63:0] INIT = 64'h0
) (
    input  wire I0,
    input  wire I1,
    input  wire I2,
    input  wire I3,
    input  wire I4,
    input  wire I5,
    output wire O5,
    output wire O6
);
  wire [31:0] upper = INIT[63:32];
  wire [31:0] lower = INIT[31:0];
  assign O5 = lower[{I4, I3, I2, I1, I0}];
  assign O6 = I5 ? upper[{I4, I3, I2, I1, I0}] : O5;
endmodule

module CARRY4 (
    input  wire       CI,
    input  wire       CYINIT,
    input  wire [3:0] DI,
    input  wire [3:0] S,
    output wire [3:0] CO,
    output wire [3:0] O
);
  wire c0 = CI | CYINIT;
  wire c1 = S[0] ? c0 : DI[0];
  wire c2 = S[1] ? c1 : DI[1];
  wire c3 = S[2] ? c2 : DI[2];
  wire c4 = S[3] ? c3 : DI[3];
  assign CO = {c4, c3, c2, c1};
  assign O = S ^ {c3, c2, c1, c0};
endmodule
${foot}`;

/** LUT6_2 and CARRY4 by their ports alone, for synthesis that keeps them as they are. */
export const xc7Boxes = `(* blackbox *) module LUT6_2 #(parameter [63:0] INIT = 64'h0) (input I0, I1, I2, I3, I4, I5, output O5, O6); endmodule
(* blackbox *) module CARRY4 (input CI, CYINIT, input [3:0] DI, S, output [3:0] CO, O); endmodule
`;
