import type { FoldedDesign } from '@hbnn/circuit';
import { beats, beatsAhead, beatWidth, countBits } from '@hbnn/circuit';
import { testbenchNames } from './testbenchNames.ts';
import { patience, phaseCycles, stopCycles } from './verilatorMain.ts';

/** A task that ends a simulation with an error: each simulator has a way of its own to say so to who started it. */
export const failTask = `  task stop;
    begin
\`ifdef __ICARUS__
      $finish_and_return(1);
\`else
      $fatal(1);
\`endif
    end
  endtask
`;

/** Images here have as many pixels as they should. */
const frameCheck = `    if (aresetn && frame_error === 1'b1) begin
      $display("FAIL frame_error after %0d pixels", sent);
      failures = failures + 1;
      finish;
    end
`;

/**
 * A testbench for streams: pixels and readiness come and go at one pace after the other, scores are compared beat by beat,
 * and what is offered has to stay until it is taken.
 */
export function streamTestbench(design: FoldedDesign, images: number): string {
  const { top, input, scores, classes, cyclesPerImage } = design;
  const names = testbenchNames(design.prefix);
  const framed = design.frame !== undefined;
  const pixels = images * beats(input);
  const results = images * scores.beats;
  const [width, bits] = [beatWidth(input), 32 * scores.each];
  const user = countBits(classes.length - 1);
  return `// Checks ${top} on ${images} images against the interpreter's scores, both ends waiting now and then; run it where
// the .hex files lie. A simulation that finds a fault ends with an error; $fatal needs SystemVerilog.
\`timescale 1ns / 1ps
\`default_nettype none

module ${names.module};
  reg aclk = 1'b0;
  reg aresetn = 1'b0;
  always #500 aclk = ~aclk;

  reg [${width - 1}:0] pixels [0:${pixels - 1}];
  reg [${bits - 1}:0] expected [0:${results - 1}];
  reg [${width - 1}:0] pixel;
  reg pixel_valid = 1'b0;
  reg moved = 1'b0;
  reg score_ready = 1'b0;
  reg kept = 1'b0;
  reg offered = 1'b0;
  reg ended = 1'b0;
  wire pixel_ready, score_valid, last;${framed ? `\n  wire frame_error;\n  reg pixel_last = 1'b0;` : ''}
  wire [${bits - 1}:0] score;
  wire [${user - 1}:0] largest;
  reg [${bits + user}:0] waiting;
  integer sent, got, beat, each, best, best_score, number, failures, earlier, idle, rest, cycle, phase, early;
  integer offers, takes;

  ${top} dut (
      .aclk(aclk), .aresetn(aresetn),
      .s_axis_tdata(pixel), .s_axis_tvalid(pixel_valid), .s_axis_tready(pixel_ready),
      .m_axis_tdata(score), .m_axis_tvalid(score_valid), .m_axis_tready(score_ready),
      .m_axis_tuser(largest), .m_axis_tlast(last)${framed ? ',\n      .s_axis_tlast(pixel_last), .frame_error(frame_error)' : ''});

  // What is driven changes at falling edges; beats move at rising ones. Of four cycles a pixel is offered in ${'`'}offers${'`'},
  // a beat of scores is taken in ${'`'}takes${'`'}; now and then nothing is taken until nothing moves.
  always @(negedge aclk) begin
    cycle = cycle + 1;
    if (phase == 4 ? idle > ${stopCycles(cyclesPerImage)} : cycle >= ${phaseCycles(cyclesPerImage)}) begin
      cycle = 0;
      phase = phase == 4 ? 0 : phase + 1;
    end
    case (phase)
      0: begin offers = 4; takes = 4; end
      1: begin offers = 2; takes = 3; end
      2: begin offers = 4; takes = 1; end
      3: begin offers = 1; takes = 4; end
      default: begin offers = 4; takes = 0; end
    endcase
    offered = score_valid;
    score_ready = ($random & 3) < takes;
    if (moved) pixel_valid = 1'b0;
    if (!pixel_valid && sent < ${pixels} && aresetn) begin
      pixel_valid = ($random & 3) < offers;
      pixel = pixels[sent];
    end
    if (!pixel_valid) pixel = {${Math.ceil(width / 32)}{$random}};
${framed ? `    pixel_last = pixel_valid ? sent % ${beats(input)} == ${beats(input) - 1} : pixel[0];\n` : ''}  end

  always @(posedge aclk) if (!ended) begin
    idle = idle + 1;
${framed ? frameCheck : ''}    moved = aresetn && pixel_valid && pixel_ready;
    if (moved) begin
      sent = sent + 1;
      idle = 0;
    end
    if (kept && (score_valid !== 1'b1 || {score, largest, last} !== waiting)) begin
      $display("FAIL image %0d: a beat of scores that was offered did not stay until it was taken", got / ${scores.beats});
      failures = failures + 1;
      finish;
    end
    if (aresetn && score_valid !== offered) begin
      $display("FAIL image %0d: m_axis_tvalid changes with m_axis_tready", got / ${scores.beats});
      failures = failures + 1;
      finish;
    end
    kept = aresetn && score_valid && !score_ready;
    waiting = {score, largest, last};
    if (aresetn && score_valid && score_ready) begin
      // Places where windows are zeros alone may come out before the image that they belong to.
      if (got == ${results}) early = early + 1;
      if (early > ${beatsAhead(design, beats(input))}) begin
        $display("FAIL more than ${results} beats of scores");
        failures = failures + 1;
        finish;
      end else if (got < ${results}) check;
      idle = 0;
    end
    if (got == ${results}) begin
      // A while for a beat too many to come.
      rest = rest + 1;
      if (rest == ${Math.ceil(cyclesPerImage) + 64}) finish;
    end else if (idle > ${patience + 8 * Math.ceil(cyclesPerImage)}) begin
      $display("FAIL nothing moves after %0d pixels and %0d beats of scores", sent, got);
      failures = failures + 1;
      finish;
    end
  end

${failTask}
  task finish;
    if (!ended) begin
      ended = 1'b1;
      if (sent != ${pixels}) begin
        $display("FAIL %0d of ${pixels} pixels were taken", sent);
        failures = failures + 1;
      end
      if (failures == 0) begin
        $display("PASS ${images} images");
        $finish;
      end else begin
        $display("FAIL %0d faults", failures);
        stop;
      end
    end
  endtask

  task fail(input integer wanted, input integer found);
    begin
      if (number >= 0)
        $display("FAIL image %0d, score %0d: expected %0d, got %0d", got / ${scores.beats}, number, wanted, found);
      else
        $display("FAIL image %0d, %0s: expected %0d, got %0d", got / ${scores.beats}, number == -1 ? "last beat" : "largest", wanted, found);
      failures = failures + 1;
    end
  endtask

  task check;
    begin
      if (beat == 0) earlier = failures;
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
      number = -2;
      if (last === 1'b1 && {${32 - user}'d0, largest} !== best) fail(best, largest);
      if (beat == ${scores.beats - 1} && failures == earlier)
        $display("image %0d: largest %0d", got / ${scores.beats}, best);
      beat = beat == ${scores.beats - 1} ? 0 : beat + 1;
      got = got + 1;
    end
  endtask

  initial begin
    $readmemh("${names.pixels}", pixels);
    $readmemh("${names.scores}", expected);
    sent = 0;
    got = 0;
    beat = 0;
    failures = 0;
    idle = 0;
    rest = 0;
    cycle = 0;
    phase = 0;
    early = 0;
    repeat (4) @(negedge aclk);
    aresetn = 1'b1;
  end
endmodule

\`default_nettype wire
`;
}
