import { beats, beatWidth, countBits, type FoldedDesign } from '@hbnn/circuit';
import { file } from './emit.ts';
import { userBits } from './emitFolded.ts';
import { constant, moduleOf, range } from './emitStream.ts';

const wordBits = 32;

/** Words of 32 bits that a pixel takes. */
const pixelWords = ({ input }: FoldedDesign): number => Math.ceil(beatWidth(input) / wordBits);

/**
 * A module around a folded design whose streams are 32 bits wide, as DMA engines for AXI-Stream have them. Each pixel
 * begins with a word of its own. An image gives its scores, and then the number of the largest with `m_axis_tlast`.
 */
export function dmaText(design: FoldedDesign): string {
  const { top, input, scores, frame } = design;
  const [words, width, user] = [pixelWords(design), beatWidth(input), userBits(design)];
  const image = beats(input) * words;
  const count = scores.beats * scores.each;
  const cycles = Math.max(image, scores.beats * (scores.each + 1) + 1);
  const about = [
    `${top} between AXI streams of ${wordBits} bits, for a DMA engine (MM2S to s_axis, m_axis to S2MM)`,
    `s_axis: ${image} word(s) an image, ${words} for each pixel; the first channel is in the lowest bits`,
    `m_axis: ${count} score(s) in two's complement, then with m_axis_tlast the index of the largest`,
    `At least ${cycles} cycles an image, whatever the network takes. aresetn is synchronous`,
    ...(frame === undefined
      ? [
          's_axis_tlast is not read: after a lost word all images are wrong until a reset; hbnn verilog --tlast prevents this',
        ]
      : [
          's_axis_tlast: 1 with the last word of each image, so each image is a transfer of its own. Where a word is lost or',
          '  comes twice, frame_error is 1 for one or two cycles. A lost last word costs the next image too',
        ]),
  ];
  const ports = [
    'input  wire aclk',
    'input  wire aresetn',
    `input  wire ${range(wordBits)} s_axis_tdata`,
    'input  wire s_axis_tvalid',
    'output wire s_axis_tready',
    'input  wire s_axis_tlast',
    `output wire ${range(wordBits)} m_axis_tdata`,
    `output wire ${range(wordBits / 8)} m_axis_tkeep`,
    'output wire m_axis_tvalid',
    'input  wire m_axis_tready',
    'output wire m_axis_tlast',
    ...(frame === undefined ? [] : ['output wire frame_error']),
  ];
  const framePorts =
    frame === undefined ? '' : ', .s_axis_tlast(pixel_last), .frame_error(pixels_wrong)';
  return file(about, [
    moduleOf([
      `module ${top}_dma (\n    ${ports.join(',\n    ')}\n);`,
      ...(words === 1 ? [] : pixelLines(words, frame !== undefined)),
      ...(words === 1 ? oneWordLines(width, frame !== undefined) : pixelEnds(words, width)),
      `  wire ${range(wordBits * scores.each)} scores_tdata;`,
      `  wire ${range(user)} scores_tuser;`,
      '  wire scores_tvalid, scores_tready, scores_tlast;',
      ...(frame === undefined ? [] : ['  wire pixels_wrong;']),
      `  ${top} network (`,
      '      .aclk(aclk), .aresetn(aresetn),',
      '      .s_axis_tdata(pixel_tdata), .s_axis_tvalid(pixel_tvalid), .s_axis_tready(pixel_tready),',
      '      .m_axis_tdata(scores_tdata), .m_axis_tvalid(scores_tvalid), .m_axis_tready(scores_tready),',
      `      .m_axis_tuser(scores_tuser), .m_axis_tlast(scores_tlast)${framePorts});`,
      ...scoreLines(scores.each, user),
      ...(frame === undefined
        ? []
        : [`  assign frame_error = pixels_wrong${words > 1 ? ' | words_wrong' : ''};`]),
    ]),
  ]);
}

/** Name what is not read, so that linters do not ask. */
const unread = (name: string, bits: string): string => `  wire ${name} = &{1'b0, ${bits}};`;

const oneWordLines = (width: number, framed: boolean): string[] => [
  `  wire ${range(width)} pixel_tdata = s_axis_tdata[${width - 1}:0];`,
  '  wire pixel_tvalid = s_axis_tvalid;',
  '  wire pixel_tready;',
  '  assign s_axis_tready = pixel_tready;',
  framed ? '  wire pixel_last = s_axis_tlast;' : unread('unused_last', 's_axis_tlast'),
  ...(width < wordBits ? [unread('unused_bits', `s_axis_tdata[${wordBits - 1}:${width}]`)] : []),
];

/** Words of a pixel one after the other; where an image ends early, the pixel ends too. */
function pixelLines(words: number, framed: boolean): string[] {
  const bits = countBits(words - 1);
  const end = `(count == ${constant(bits, words - 1)})`;
  return [
    `  reg ${range(wordBits * words)} held;`,
    `  reg ${range(bits)} count;`,
    '  reg full;',
    ...(framed ? ['  reg pixel_last, words_wrong;'] : [unread('unused_last', 's_axis_tlast')]),
    '  wire take = s_axis_tvalid & s_axis_tready;',
    `  wire last_word = ${framed ? `${end} | s_axis_tlast` : end};`,
    '  wire pixel_tready;',
    '  assign s_axis_tready = ~full | pixel_tready;',
    '  always @(posedge aclk) begin',
    '    if (!aresetn) begin',
    `      count <= ${constant(bits, 0)};`,
    "      full <= 1'b0;",
    ...(framed ? ["      words_wrong <= 1'b0;"] : []),
    '    end else begin',
    ...(framed ? [`      words_wrong <= take & s_axis_tlast & ~${end};`] : []),
    '      if (s_axis_tready) full <= take & last_word;',
    `      if (take) count <= last_word ? ${constant(bits, 0)} : count + ${constant(bits, 1)};`,
    '    end',
    '    if (take) begin',
    `      held <= {s_axis_tdata, held[${wordBits * words - 1}:${wordBits}]};`,
    ...(framed ? ['      pixel_last <= s_axis_tlast;'] : []),
    '    end',
    '  end',
  ];
}

const pixelEnds = (words: number, width: number): string[] => [
  `  wire ${range(width)} pixel_tdata = held[${width - 1}:0];`,
  '  wire pixel_tvalid = full;',
  ...(width < wordBits * words
    ? [unread('unused_bits', `held[${wordBits * words - 1}:${width}]`)]
    : []),
];

/** A beat of scores, a word of it per cycle; after the last beat of an image the number of the largest. */
function scoreLines(each: number, user: number): string[] {
  const width = wordBits * each;
  const bits = countBits(each);
  const wide = user < wordBits ? `{${constant(wordBits - user, 0)}, number}` : 'number';
  const next = each === 1 ? 'words' : `{${constant(wordBits, 0)}, words[${width - 1}:${wordBits}]}`;
  return [
    `  reg ${range(width)} words;`,
    `  reg ${range(user)} number;`,
    `  reg ${range(bits)} at;`,
    '  reg busy, ending;',
    `  wire at_number = at == ${constant(bits, each)};`,
    '  wire give = busy & m_axis_tready;',
    `  wire done = ending ? at_number : at == ${constant(bits, each - 1)};`,
    '  assign scores_tready = ~busy;',
    `  assign m_axis_tdata = at_number ? ${wide} : words[${wordBits - 1}:0];`,
    `  assign m_axis_tkeep = ${constant(wordBits / 8, 2 ** (wordBits / 8) - 1)};`,
    '  assign m_axis_tvalid = busy;',
    '  assign m_axis_tlast = at_number;',
    '  always @(posedge aclk) begin',
    "    if (!aresetn) busy <= 1'b0;",
    '    else busy <= busy ? ~(give & done) : scores_tvalid;',
    '    if (~busy) begin',
    '      words <= scores_tdata;',
    '      number <= scores_tuser;',
    '      ending <= scores_tlast;',
    `      at <= ${constant(bits, 0)};`,
    '    end else if (give) begin',
    `      words <= ${next};`,
    `      at <= at + ${constant(bits, 1)};`,
    '    end',
    '  end',
  ];
}

/** Functions in C that lay an image out for the DMA engine, and read what it brings back. */
export function dmaHeader(design: FoldedDesign): string {
  const { top, input, scores } = design;
  const words = pixelWords(design);
  const channels = input.forms.length;
  const name = top;
  const count = scores.beats * scores.each;
  return `/* Buffers for ${top}_dma: words of 32 bits for the DMA engine, and what comes back. */
#ifndef HBNN_${name}_DMA_H
#define HBNN_${name}_DMA_H
#include <stdint.h>

enum {
  ${name}_PIXELS = ${beats(input)},
  ${name}_CHANNELS = ${channels},
  /* Words of an image to send, and of its results to receive: one DMA transfer each. */
  ${name}_WORDS_IN = ${beats(input) * words},
  ${name}_SCORES = ${count},
  ${name}_WORDS_OUT = ${count + 1}
};

/* Lay out an image: bytes from 0 to 255, row by row, the channels of a pixel one behind the other. */
static inline void ${top}_pack(const uint8_t *image, uint32_t *words) {
  for (int pixel = 0; pixel < ${name}_PIXELS; pixel++, words += ${words}) {
    for (int i = 0; i < ${words}; i++) words[i] = 0;
    for (int c = 0; c < ${name}_CHANNELS; c++)
      words[c / 4] |= (uint32_t)image[pixel * ${name}_CHANNELS + c] << (8 * (c % 4));
  }
}

/* The scores of an image; returns the index of the largest, the first of equal ones. */
static inline uint32_t ${top}_result(const uint32_t *words, int32_t *scores) {
  for (int k = 0; k < ${name}_SCORES; k++) scores[k] = (int32_t)words[k];
  return words[${name}_SCORES];
}

#endif
`;
}
