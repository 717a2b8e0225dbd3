import type { FoldedDesign } from '@hbnn/circuit';
import { beats, beatWidth } from '@hbnn/circuit';
import { countBits } from './emitStream.ts';
import { pixelsFile, scoresFile, testbenchName } from './testbenchNames.ts';

/** Cycles without a beat after which the testbench says that nothing moves. */
const patience = 100_000;

/** A testbench for streams: pixels and readiness come and go as $random says, the scores are compared beat by beat. */
export function streamTestbench(design: FoldedDesign, images: number): string {
  const { top, input, scores, classes, cyclesPerImage } = design;
  const pixels = images * beats(input);
  const results = images * scores.beats;
  const [width, bits] = [beatWidth(input), 32 * scores.each];
  const user = countBits(classes.length - 1);
  return `// Checks ${top} on ${images} images against the interpreter's scores, both ends waiting now and then; run it where
// the .hex files lie.
\`timescale 1ns / 1ps
\`default_nettype none

module ${testbenchName};
  reg aclk = 1'b0;
  reg aresetn = 1'b0;
  always #500 aclk = ~aclk;

  reg [${width - 1}:0] pixels [0:${pixels - 1}];
  reg [${bits - 1}:0] expected [0:${results - 1}];
  reg [${width - 1}:0] pixel;
  reg pixel_valid = 1'b0;
  reg moved = 1'b0;
  reg score_ready = 1'b0;
  wire pixel_ready, score_valid, last;
  wire [${bits - 1}:0] score;
  wire [${user - 1}:0] largest;
  integer sent, got, beat, each, best, best_score, number, failures, idle;

  ${top} dut (
      .aclk(aclk), .aresetn(aresetn),
      .s_axis_tdata(pixel), .s_axis_tvalid(pixel_valid), .s_axis_tready(pixel_ready),
      .m_axis_tdata(score), .m_axis_tvalid(score_valid), .m_axis_tready(score_ready),
      .m_axis_tuser(largest), .m_axis_tlast(last));

  // What is driven changes at falling edges; beats move at rising ones.
  always @(negedge aclk) begin
    score_ready = ($random & 3) != 0;
    if (moved) pixel_valid = 1'b0;
    if (!pixel_valid && sent < ${pixels} && aresetn) begin
      pixel_valid = ($random & 3) != 0;
      pixel = pixels[sent];
    end
    if (!pixel_valid) pixel = {${Math.ceil(width / 32)}{$random}};
  end

  always @(posedge aclk) begin
    idle = idle + 1;
    moved = aresetn && pixel_valid && pixel_ready;
    if (moved) begin
      sent = sent + 1;
      idle = 0;
    end
    if (aresetn && score_valid && score_ready) begin
      check;
      idle = 0;
    end
    if (idle > ${patience + 8 * cyclesPerImage}) begin
      $display("FAIL nothing moves after %0d pixels and %0d beats of scores", sent, got);
      $stop;
    end
  end

  task fail(input integer wanted, input integer found);
    begin
      if (failures == 0)
        $display("FAIL image %0d, score %0d: expected %0d, got %0d", got / ${scores.beats}, number, wanted, found);
      failures = failures + 1;
    end
  endtask

  task check;
    begin
      for (each = 0; each < ${scores.each}; each = each + 1) begin
        number = beat * ${scores.each} + each;
        if (score[32*each+:32] !== expected[got][32*each+:32])
          fail($signed(expected[got][32*each+:32]), $signed(score[32*each+:32]));
        if (number == 0 || $signed(expected[got][32*each+:32]) > best_score) begin
          best_score = $signed(expected[got][32*each+:32]);
          best = number;
        end
      end
      number = -1;
      if (last !== (beat == ${scores.beats - 1})) fail(beat == ${scores.beats - 1}, last);
      if (last === 1'b1 && {${32 - user}'d0, largest} !== best) fail(best, largest);
      beat = beat == ${scores.beats - 1} ? 0 : beat + 1;
      got = got + 1;
      if (got == ${results}) begin
        if (failures == 0) begin
          $display("PASS ${images} images");
          $finish;
        end else begin
          $display("FAIL %0d of the values differ", failures);
          $stop;
        end
      end
    end
  endtask

  initial begin
    $readmemh("${pixelsFile}", pixels);
    $readmemh("${scoresFile}", expected);
    sent = 0;
    got = 0;
    beat = 0;
    failures = 0;
    idle = 0;
    repeat (4) @(negedge aclk);
    aresetn = 1'b1;
  end
endmodule

\`default_nettype wire
`;
}
