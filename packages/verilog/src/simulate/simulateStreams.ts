import type { FoldedDesign } from '@hbnn/circuit';
import { beats, beatWidth, decodeAt, type Stream } from '@hbnn/circuit';
import { HbnnError, type Random, random } from '@hbnn/core';
import { type CheckedModel, countImages, type Feature, featureCount } from '@hbnn/model';
import { userBits } from '../emit/emitFolded.ts';
import type { Compiled } from './compile.ts';
import { type Simulation, type SimulationOptions, showSteps } from './simulation.ts';
import { OfferedBeat, StreamFault } from './streamRules.ts';
import { lanes, wordsPerSlot as words } from './wasmCode.ts';

/** A stream's slots. */
interface Wires {
  readonly data: readonly number[];
  readonly valid: number;
  readonly ready: number;
}

/** Images one after the other in each lane, so that what one leaves behind meets the next. */
const imagesInARow = 3;
/** As many where nothing waits: the time between them settles. */
const quickImagesInARow = 8;
/** The cycles from one check to the next that an output is the same whether its receiver is ready or not. */
const independentEvery = 8;

/**
 * Put images through a network of streams, both ends waiting now and then as a seeded generator says. Registers and
 * memories hold anything at first; a reset of two cycles has to be enough. Each layer's stream has to keep to the rules of
 * AXI-Stream: what is offered stays until it is taken, and valid does not wait for ready.
 */
export function simulateStreams(
  model: CheckedModel,
  design: FoldedDesign,
  compiled: Compiled,
  o: SimulationOptions = {},
): Simulation {
  const steps = design.layers.map(({ step }) => step);
  let numbers: Int32Array = new Int32Array(0);
  let cycles = 0;
  return {
    gates: compiled.gates,
    largest: () => numbers,
    cyclesPerImage: () => cycles,
    run(pixels, watch, watchStep) {
      const count = countImages(pixels, model.input.shape);
      const watched = watch !== undefined || watchStep !== undefined;
      const run = new StreamRun(design, compiled, pixels, count, watched, o);
      run.go();
      numbers = run.largest;
      cycles = run.cyclesPerImage;
      for (const features of run.seen) showSteps(steps, features, watch, watchStep);
      return run.scores;
    },
  };
}

class StreamRun {
  readonly scores: Int32Array;
  readonly largest: Int32Array;
  readonly seen: Feature[][];
  /** Cycles between the last two images' scores; with one image, from its first pixel to its scores. */
  cyclesPerImage = 0;
  private readonly design: FoldedDesign;
  private readonly compiled: Compiled;
  private readonly pixels: Uint8Array;
  private readonly count: number;
  private readonly used: number;
  private readonly rows: number;
  /** Masks of the lanes with images, word by word. */
  private readonly ownLanes: readonly number[];
  private readonly rng: Random;
  private readonly input: Wires;
  private readonly output: Wires;
  /** The mark on an image's last pixel; empty for designs without it. */
  private readonly inputLast: readonly number[];
  private readonly user: readonly number[];
  private readonly last: number;
  private readonly watched: readonly { readonly wires: Wires; readonly stream: Stream }[];
  /** What each layer, and last of all the scores, offer. */
  private readonly offers: readonly OfferedBeat[];
  private readonly moved: number[];
  /** Neither end waits, and there is no noise. */
  private readonly quick: boolean;
  private readonly onPixels: SimulationOptions['onPixels'];
  private taken = 0;
  private given = 0;
  private waiting = false;
  /** Chances of a valid pixel, and of a ready receiver, in 256; 256 is always. */
  private chances: readonly [number, number] = [256, 256];

  constructor(
    design: FoldedDesign,
    compiled: Compiled,
    pixels: Uint8Array,
    count: number,
    watched: boolean,
    {
      pauses = true,
      imagesInARow: inARow = pauses ? imagesInARow : quickImagesInARow,
      onPixels,
    }: SimulationOptions,
  ) {
    this.quick = !pauses;
    this.onPixels = onPixels;
    this.design = design;
    this.compiled = compiled;
    this.pixels = pixels;
    this.count = count;
    this.used = Math.min(lanes, Math.ceil(count / inARow));
    this.rows = count === 0 ? 0 : Math.ceil(count / this.used);
    this.ownLanes = Array.from({ length: words }, (_, w) => {
      const taken = Math.max(0, Math.min(32, this.used - 32 * w));
      return taken === 32 ? -1 : (1 << taken) - 1;
    });
    this.rng = random(count, 'streams', design.top);
    const { scores, layers, classes } = design;
    this.scores = new Int32Array(count * classes.length);
    this.largest = new Int32Array(count);
    const shapes = watched ? layers.map(({ output }) => output) : [];
    this.seen = Array.from({ length: watched ? count : 0 }, () =>
      shapes.map(({ shape }) => ({ shape, values: new Int32Array(featureCount(shape)) })),
    );
    this.input = this.wires('s_axis', beatWidth(design.input));
    this.inputLast = design.frame === undefined ? [] : this.bus('s_axis_tlast', 1);
    this.output = this.wires('m_axis', 32 * scores.each);
    this.user = this.bus('m_axis_tuser', userBits(design));
    [this.last] = this.bus('m_axis_tlast', 1);
    this.watched = watched
      ? layers.map(({ module, output }) => ({
          wires: this.wires(module, beatWidth(output)),
          stream: output,
        }))
      : [];
    this.moved = this.watched.map(() => 0);
    const scoresBeat = [...this.output.data, ...this.user, this.last];
    this.offers = [...this.watched.map(({ wires }) => wires.data), scoresBeat].map(
      (slots) => new OfferedBeat(compiled.memory, slots),
    );
  }

  go(): void {
    const { compiled, rng, design } = this;
    const wanted = this.rows * design.scores.beats;
    if (wanted === 0) return;
    compiled.scramble(rng);
    const [reset] = this.bus('aresetn', 1);
    for (let cycle = 0; cycle < 2; cycle++) {
      this.fill(reset, 0);
      for (const slot of [this.input.valid, this.output.ready]) this.fill(slot, -rng.below(2));
      for (const slot of this.input.data) this.noise(slot);
      compiled.evaluate();
      if (cycle === 1 && this.bit(this.output.valid, 0))
        throw new StreamFault('scores', 'm_axis_tvalid in reset', 0, 1);
      compiled.clock();
    }
    this.fill(reset, -1);
    const patience = 4096 + 8 * (design.cyclesPerImage + beats(design.input));
    // Long enough for all that a stop can fill, short enough that a run meets every pace.
    const phase = Math.max(16, Math.min(512, Math.ceil(design.cyclesPerImage / 3)));
    let [idle, before, first] = [0, 0, -1];
    for (let cycle = 0; this.given < wanted || this.moving(); cycle++) {
      if (cycle % phase === 0) this.chances = this.pace(cycle / phase);
      const [taken, given] = [this.taken, this.given];
      this.step(!this.quick && cycle % independentEvery === 0);
      if (this.taken > taken) this.onPixels?.(this.taken, this.rows * beats(design.input));
      if (first < 0 && this.taken > 0) first = cycle;
      const moves = this.taken > taken || this.given > given;
      idle = moves ? 0 : idle + 1;
      if (idle > patience)
        throw new StreamFault(
          this.stoppedAt(),
          `beats after which nothing moved for ${patience} cycles`,
          wanted,
          this.given,
        );
      if (this.given > given && this.given % design.scores.beats === 0) {
        this.cyclesPerImage = cycle - (this.rows === 1 ? first : before);
        before = cycle;
      }
    }
  }

  /** Now both ends are quick, now one of them, now both wait often, now nothing is taken. */
  private pace(phase: number): readonly [number, number] {
    const paces = [
      [256, 256],
      [96, 200],
      [256, 64],
      [40, 256],
      [256, 0],
    ] as const;
    return this.quick ? paces[0] : paces[(phase + this.count) % paces.length];
  }

  /** @param independent whether to see if the scores' valid changes with ready, which takes a second evaluation */
  private step(independent: boolean): void {
    const { compiled, rng, input, output } = this;
    const all = this.rows * beats(this.design.input);
    // A beat that is offered stays until it is taken.
    if (!this.waiting && this.taken < all) {
      this.waiting = rng.below(256) < this.chances[0];
      this.offer(this.waiting);
    } else if (!this.waiting) this.offer(false);
    this.fill(input.valid, this.waiting ? -1 : 0);
    const ready = rng.below(256) < this.chances[1];
    this.fill(output.ready, ready === independent ? 0 : -1);
    compiled.evaluate();
    if (independent) {
      const valid = this.bit(output.valid, 0);
      this.fill(output.ready, ready ? -1 : 0);
      compiled.evaluate();
      if (this.bit(output.valid, 0) !== valid)
        throw new StreamFault('scores', 'm_axis_tvalid, which must not change with ready', 1, 0);
    }
    this.watched.forEach(({ wires, stream }, i) => {
      const { layer } = this.design.layers[i];
      const moves = this.moves(wires, layer);
      this.checkOffer(this.offers[i], wires, layer, moves);
      if (moves) this.see(i, wires, stream);
    });
    const gives = this.moves(output, 'scores');
    this.checkOffer(this.offers[this.offers.length - 1], output, 'scores', gives);
    if (gives) this.take();
    if (this.moves(input, 'pixels')) {
      this.taken++;
      this.waiting = false;
    }
    compiled.clock();
  }

  /** The image that lane `lane` has as its `row`-th. */
  private image(row: number, lane: number): number {
    return row * this.used + lane;
  }

  private offer(valid: boolean): void {
    const { memory } = this.compiled;
    const { data } = this.input;
    for (const slot of [...data, ...this.inputLast]) this.noise(slot);
    if (!valid) return;
    const { shape } = this.design.input;
    const each = beats(this.design.input);
    const [row, place] = [Math.floor(this.taken / each), this.taken % each];
    for (const slot of this.inputLast) this.fill(slot, place === each - 1 ? -1 : 0);
    for (let lane = 0; lane < this.used; lane++) {
      const image = this.image(row, lane);
      if (image >= this.count) break;
      const from = image * each * shape[2] + place * shape[2];
      for (let c = 0; c < shape[2]; c++)
        for (let j = 0; j < 8; j++) {
          const at = words * data[8 * c + j] + (lane >> 5);
          const mask = 1 << (lane & 31);
          memory[at] = (this.pixels[from + c] >> j) & 1 ? memory[at] | mask : memory[at] & ~mask;
        }
    }
  }

  private see(i: number, wires: Wires, stream: Stream): void {
    const [each, channels] = [beats(stream), stream.shape[2]];
    const [row, place] = [Math.floor(this.moved[i] / each), this.moved[i] % each];
    if (row > this.rows) throw this.tooMuch(this.design.layers[i].layer, each);
    this.moved[i]++;
    for (let lane = 0; lane < this.used; lane++) {
      const feature = this.seen[this.image(row, lane)]?.[i];
      if (feature === undefined) break;
      for (let c = 0; c < channels; c++)
        feature.values[place * channels + c] = decodeAt(stream, place, c, (j) =>
          this.bit(wires.data[stream.offsets[c] + j], lane),
        );
    }
  }

  private take(): void {
    const { beats: each, each: channels } = this.design.scores;
    const [row, place] = [Math.floor(this.given / each), this.given % each];
    if (row > this.rows) throw this.tooMuch('scores', each);
    this.given++;
    const end = place === each - 1;
    for (let lane = 0; lane < this.used; lane++) {
      const image = this.image(row, lane);
      if (image >= this.count) break;
      const from = image * each * channels + place * channels;
      for (let c = 0; c < channels; c++)
        this.scores[from + c] = this.number(this.output.data.slice(32 * c, 32 * c + 32), lane);
      if (this.bit(this.last, lane) !== end)
        throw new StreamFault('scores', `m_axis_tlast at beat ${place}`, end ? 1 : 0, end ? 0 : 1);
      if (end) this.largest[image] = this.number(this.user, lane);
    }
  }

  /** Windows of zeros alone may come out before the image that they belong to, but not those of a whole image. */
  private tooMuch(layer: string, each: number): StreamFault {
    const wanted = this.rows * each;
    const max = wanted + each;
    return new StreamFault(layer, `beats of ${this.rows} images`, wanted, max + 1);
  }

  /** What waited has to be there still; what waits now is remembered. */
  private checkOffer(offered: OfferedBeat, { valid }: Wires, layer: string, moves: boolean): void {
    const offers = this.bit(valid, 0);
    offered.check(offers, (what) => new StreamFault(layer, what, 1, 0), this.ownLanes);
    if (offers && !moves) offered.keep();
  }

  /** Whether a beat moves, which it does for all images or none. */
  private moves({ valid, ready }: Wires, layer: string): boolean {
    const { memory } = this.compiled;
    let [any, missing] = [0, 0];
    const masks = this.ownLanes;
    for (let w = 0; w < words; w++) {
      const own = masks[w];
      const moving = memory[words * valid + w] & memory[words * ready + w];
      any |= moving & own;
      missing |= ~moving & own;
    }
    if (any !== 0 && missing !== 0)
      throw new StreamFault(
        layer,
        'images for which a beat moves in the same cycle',
        this.used,
        -1,
      );
    return any !== 0;
  }

  /** Whether pixels or beats that are watched have still to come: the last ones of an image may be needed by none. */
  private moving(): boolean {
    const { rows, design } = this;
    if (this.watched.length === 0) return false;
    return (
      this.taken < rows * beats(design.input) ||
      this.watched.some(({ stream }, i) => this.moved[i] < rows * beats(stream))
    );
  }

  /** The first layer that gave too little and offers nothing; one that offers waits for the next. */
  private stoppedAt(): string {
    const { layers } = this.design;
    const i = this.watched.findIndex(
      ({ stream, wires }, at) =>
        this.moved[at] < this.rows * beats(stream) && !this.bit(wires.valid, 0),
    );
    return i < 0 ? 'scores' : layers[i].layer;
  }

  private bus(name: string, width: number): readonly number[] {
    const slots = this.compiled.slots(name);
    if (slots?.length === width) return slots;
    const found = slots === undefined ? 'none' : `${slots.length} bits`;
    throw new HbnnError(
      `${this.design.top}: expected a net '${name}' of ${width} bits, got ${found}; keep the top module's nets as 'hbnn verilog' writes them`,
    );
  }

  private wires(name: string, width: number): Wires {
    const [[valid], [ready]] = [this.bus(`${name}_tvalid`, 1), this.bus(`${name}_tready`, 1)];
    return { data: this.bus(`${name}_tdata`, width), valid, ready };
  }

  private fill(slot: number, value: number): void {
    const { memory } = this.compiled;
    for (let w = 0; w < words; w++) memory[words * slot + w] = value;
  }

  private noise(slot: number): void {
    for (let w = 0; w < words; w++)
      this.compiled.memory[words * slot + w] = this.quick ? 0 : this.rng.uint32();
  }

  private bit(slot: number, lane: number): boolean {
    return ((this.compiled.memory[words * slot + (lane >> 5)] >>> (lane & 31)) & 1) === 1;
  }

  private number(slots: readonly number[], lane: number): number {
    return slots.reduce((sum, slot, i) => sum | (this.bit(slot, lane) ? 1 << i : 0), 0);
  }
}
