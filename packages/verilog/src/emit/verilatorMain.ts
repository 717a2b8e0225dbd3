import type { Design, FoldedDesign } from '@hbnn/circuit';
import { beats, beatsAhead, beatWidth, busWidth, countBits, indexWidth } from '@hbnn/circuit';
import { testbenchNames } from './testbenchNames.ts';

/** Cycles without a beat after which nothing is taken to move any more, beyond those of some images. */
export const patience = 100_000;

/** What a C++ main for Verilator needs to know of a design: the same as the testbench in Verilog. */
export function verilatorMain(design: Design | FoldedDesign, images: number): string {
  return `${head(design.top)}${design.kind === 'folded' ? streamMain(design, images) : unrolledMain(design, images)}`;
}

const head = (
  top: string,
): string => `// Checks ${top} in Verilator against the interpreter's scores: 'make verilator' compiles and runs it here.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "Vnetwork.h"
#include "verilated.h"

using Top = Vnetwork;
using Words = std::vector<uint32_t>;

// Ports of up to 64 bits are numbers, wider ones arrays of words.
template <class Port> void put(Port& port, const Words& words) {
  uint64_t value = words[0];
  if (words.size() > 1) value |= static_cast<uint64_t>(words[1]) << 32;
  port = static_cast<Port>(value);
}
template <std::size_t count> void put(VlWide<count>& port, const Words& words) {
  for (std::size_t i = 0; i < count; i++) port[i] = i < words.size() ? words[i] : 0;
}
template <class Port> uint32_t word(const Port& port, int i) {
  return static_cast<uint32_t>(static_cast<uint64_t>(port) >> (32 * i));
}
template <std::size_t count> uint32_t word(const VlWide<count>& port, int i) { return port[i]; }

static uint32_t digit(char c) { return c <= '9' ? c - '0' : (c | 32) - 'a' + 10; }

// The lines of a .hex file, each as words of 32 bits, the lowest first.
static std::vector<Words> lines_of(const char* name, std::size_t count) {
  std::ifstream file(name);
  std::vector<Words> lines;
  for (std::string line; std::getline(file, line);) {
    if (line.empty()) continue;
    Words words((line.size() + 7) / 8, 0);
    for (std::size_t i = 0; i < line.size(); i++)
      words[i / 8] |= digit(line[line.size() - 1 - i]) << (4 * (i % 8));
    lines.push_back(words);
  }
  if (lines.size() != count) {
    std::printf("FAIL %s: expected %zu lines, got %zu\\n", name, count, lines.size());
    std::exit(1);
  }
  return lines;
}

`;

function streamMain(design: FoldedDesign, images: number): string {
  const { input, scores, cyclesPerImage, classes } = design;
  const user = countBits(classes.length - 1);
  const names = testbenchNames(design.prefix);
  return `static const int images = ${images};
static const int pixels_each = ${beats(input)};
static const int beats_each = ${scores.beats};
static const int scores_each = ${scores.each};
static const int beats_ahead = ${beatsAhead(design, beats(input))};
static const uint32_t user_mask = ${2 ** user - 1}u;
static const long patience = ${patience + 8 * Math.ceil(cyclesPerImage)};
static const long phase_cycles = ${phaseCycles(cyclesPerImage)};
static const long stop_cycles = ${stopCycles(cyclesPerImage)};

static uint32_t state = 1;
static uint32_t noise() {
  state ^= state << 13;
  state ^= state >> 17;
  state ^= state << 5;
  return state;
}

// Chances in 4 of a pixel that is offered and of a beat of scores that is taken, phase after phase; the last one lasts
// until nothing moves.
static const int paces[][2] = {{4, 4}, {2, 3}, {4, 1}, {1, 4}, {4, 0}};

// Runs all images once; true where every beat of scores is right.
static bool run(const std::vector<Words>& pixels, const std::vector<Words>& expected, bool pauses) {
  VerilatedContext context;
  Top top{&context};
  long cycle = 0, idle = 0, phase_cycle = 0, first = -1, before = -1;
  int sent = 0, got = 0, early = 0, phase = 0, failures = 0, best = 0;
  int32_t best_score = 0;
  bool offered = false, kept = false;
  Words waiting(scores_each + 1);
  top.aresetn = 0;
  top.s_axis_tvalid = 0;
  top.m_axis_tready = 0;
  auto edge = [&](int level) {
    top.aclk = level;
    top.eval();
  };
  for (int i = 0; i < 4; i++) {
    edge(0);
    edge(1);
  }
  const int results = images * beats_each;
  // After the last beat a while for one too many to come.
  for (long rest = ${Math.ceil(cyclesPerImage) + 64}; rest > 0; cycle++) {
    edge(0);
    top.aresetn = 1;
    phase_cycle++;
    if (phase == 4 ? idle > stop_cycles : phase_cycle >= phase_cycles) {
      phase_cycle = 0;
      phase = phase == 4 ? 0 : phase + 1;
    }
    const int* pace = paces[pauses ? phase : 0];
    if (!offered && sent < static_cast<int>(pixels.size())) offered = static_cast<int>(noise() & 3) < pace[0];
    top.s_axis_tvalid = offered;
    Words data(${Math.ceil(beatWidth(input) / 32)});
    for (auto& one : data) one = noise();
    put(top.s_axis_tdata, offered ? pixels[sent] : data);
${design.frame === undefined ? '' : '    top.s_axis_tlast = offered ? sent % pixels_each == pixels_each - 1 : noise() & 1;\n'}    const bool valid = top.m_axis_tvalid;
    top.m_axis_tready = static_cast<int>(noise() & 3) < pace[1];
    top.eval();
    if (cycle > 0 && static_cast<bool>(top.m_axis_tvalid) != valid) {
      std::printf("FAIL image %d: m_axis_tvalid changes with m_axis_tready\\n", got / beats_each);
      return false;
    }
    auto seen = [&](int i) { return i < scores_each ? word(top.m_axis_tdata, i) : top.m_axis_tuser * 2u + top.m_axis_tlast; };
    if (kept) {
      bool same = top.m_axis_tvalid;
      for (int i = 0; i <= scores_each; i++) same = same && seen(i) == waiting[i];
      if (!same) {
        std::printf("FAIL image %d: a beat of scores that was offered did not stay until it was taken\\n", got / beats_each);
        return false;
      }
    }
    kept = top.m_axis_tvalid && !top.m_axis_tready;
    if (kept)
      for (int i = 0; i <= scores_each; i++) waiting[i] = seen(i);
    idle++;
${design.frame === undefined ? '' : frameCheck}    if (offered && top.s_axis_tready) {
      if (first < 0) first = cycle;
      sent++;
      offered = false;
      idle = 0;
    }
    if (top.m_axis_tvalid && top.m_axis_tready) {
      idle = 0;
      // Places where windows are zeros alone may come out before the image that they belong to.
      if (got == results && ++early > beats_ahead) {
        std::printf("FAIL more than %d beats of scores\\n", results);
        return false;
      }
    }
    if (top.m_axis_tvalid && top.m_axis_tready && got < results) {
      const int beat = got % beats_each;
      for (int i = 0; i < scores_each; i++) {
        const int32_t wanted = static_cast<int32_t>(expected[got][i]), found = static_cast<int32_t>(seen(i));
        if (wanted != found) {
          std::printf("FAIL image %d, score %d: expected %d, got %d\\n", got / beats_each, beat * scores_each + i, wanted, found);
          failures++;
        }
        if (beat + i == 0 || wanted > best_score) {
          best_score = wanted;
          best = beat * scores_each + i;
        }
      }
      const bool last = beat == beats_each - 1;
      if (static_cast<bool>(top.m_axis_tlast) != last) {
        std::printf("FAIL image %d, beat %d: expected m_axis_tlast %d, got %d\\n", got / beats_each, beat, last, top.m_axis_tlast);
        failures++;
      }
      if (last && (top.m_axis_tuser & user_mask) != static_cast<uint32_t>(best)) {
        std::printf("FAIL image %d: expected largest %d, got %u\\n", got / beats_each, best, static_cast<uint32_t>(top.m_axis_tuser));
        failures++;
      }
      if (last) {
        std::printf("image %d: largest %d, cycle %ld, %ld cycles after %s\\n", got / beats_each, best, cycle,
                    cycle - (before < 0 ? first : before), before < 0 ? "its first pixel" : "the image before");
        before = cycle;
      }
      got++;
    }
    if (got == results) rest--;
    else if (idle > patience) {
      std::printf("FAIL nothing moves after %d pixels and %d beats of scores\\n", sent, got);
      return false;
    }
    edge(1);
  }
  top.final();
  if (sent != static_cast<int>(pixels.size())) {
    std::printf("FAIL %d of %zu pixels were taken\\n", sent, pixels.size());
    return false;
  }
  return failures == 0;
}

int main() {
  const auto pixels = lines_of("${names.pixels}", images * pixels_each);
  const auto expected = lines_of("${names.scores}", images * beats_each);
  std::printf("neither end waits\\n");
  bool right = run(pixels, expected, false);
  std::printf("both ends wait now and then\\n");
  right = run(pixels, expected, true) && right;
  std::printf(right ? "PASS %d images\\n" : "FAIL of %d images\\n", images);
  return right ? 0 : 1;
}
`;
}

/** Images here have as many pixels as they should. */
const frameCheck = `    if (cycle > 0 && top.frame_error) {
      std::printf("FAIL frame_error after %d pixels\\n", sent);
      return false;
    }
`;

/** Cycles of a phase in which both ends keep a pace. */
export const phaseCycles = (cyclesPerImage: number): number =>
  Math.max(16, Math.ceil(cyclesPerImage / 3));

/** Cycles without a beat at either end after which all is full while nothing is taken. */
export const stopCycles = (cyclesPerImage: number): number => Math.ceil(cyclesPerImage) + 64;

function unrolledMain(design: Design, images: number): string {
  const { input, latencyCycles: latency, classes } = design;
  const clocked = latency > 0;
  const words = Math.ceil(busWidth(input) / 32);
  const names = testbenchNames(design.prefix);
  return `static const int images = ${images};
static const int classes = ${classes.length};
static const int latency = ${latency};
static const uint32_t largest_mask = ${2 ** indexWidth(classes.length) - 1}u;

int main() {
  const auto pixels = lines_of("${names.pixels}", images);
  const auto expected = lines_of("${names.scores}", images);
  VerilatedContext context;
  Top top{&context};
  int failures = 0;
  // ${clocked ? 'An image per cycle; then ones that are none of them.' : 'An image after the other.'}
  for (int cycle = 0; cycle < images + latency; cycle++) {
    Words other(${words});
    for (int i = 0; i < ${words}; i++) other[i] = ~pixels[0][i];
    put(top.pixels, cycle < images ? pixels[cycle] : other);
${clocked ? '    top.clk = 0;\n' : ''}    top.eval();
    const int image = cycle - latency;
    if (image >= 0) {
      const int before = failures;
      int best = 0;
      for (int k = 0; k < classes; k++) {
        const int32_t wanted = static_cast<int32_t>(expected[image][k]);
        const int32_t found = static_cast<int32_t>(word(top.scores, k));
        if (wanted != found) {
          std::printf("FAIL image %d, score %d: expected %d, got %d\\n", image, k, wanted, found);
          failures++;
        }
        if (wanted > static_cast<int32_t>(expected[image][best])) best = k;
      }
      if ((top.largest & largest_mask) != static_cast<uint32_t>(best)) {
        std::printf("FAIL image %d: expected largest %d, got %u\\n", image, best, static_cast<uint32_t>(top.largest));
        failures++;
      }
      if (failures == before) std::printf("image %d: largest %d\\n", image, best);
    }
${clocked ? '    top.clk = 1;\n    top.eval();\n' : ''}  }
  top.final();
  std::printf(failures == 0 ? "PASS %d images\\n" : "FAIL of %d images\\n", images);
  return failures == 0 ? 0 : 1;
}
`;
}

/** A Makefile that runs the testbench in Icarus or the C++ main in Verilator; both end with an error where a score is wrong. */
export function makefileText(top: string, sources: readonly string[], testbench: string): string {
  return `# 'make' simulates ${top} in Icarus Verilog, 'make verilator' in Verilator; both fail where a score is wrong.
SOURCES = ${sources.join(' \\\n  ')}
VERILATOR_FLAGS = -O3

.PHONY: icarus verilator lint clean

icarus: ${testbench}.vvp
	vvp -n ${testbench}.vvp

${testbench}.vvp: ${testbench}.v $(SOURCES)
	iverilog -g2005 -Wall -s ${testbench} -o $@ $^

verilator: obj_dir/Vnetwork
	./obj_dir/Vnetwork

obj_dir/Vnetwork: ${testbench}.cpp $(SOURCES)
	verilator --cc --exe --build -Wall -Wno-fatal $(VERILATOR_FLAGS) --top-module ${top} --prefix Vnetwork $(SOURCES) ${testbench}.cpp

lint: $(SOURCES)
	verilator --lint-only -Wall --top-module ${top} $(SOURCES)

clean:
	rm -rf obj_dir ${testbench}.vvp
`;
}
