import { type Design, unrolledDesign } from '@hbnn/circuit';
import { distFromAverage, random } from '@hbnn/core';
import { type CheckedModel, randomModel } from '@hbnn/model';
import { prove, simulate, verilogFiles } from '@hbnn/verilog';
import { expect, it } from 'vitest';

/** All images of two pixels. */
const everyImage = Uint8Array.from({ length: 2 ** 17 }, (_, i) => (i % 2 === 0 ? i >> 1 : i >> 9));

type Files = Readonly<Record<string, string>>;

/** Scores and numbers of the largest of all images. */
async function computed(model: CheckedModel, design: Design, files: Files): Promise<string> {
  const simulation = await simulate(model, design, files);
  return [simulation.run(everyImage), simulation.largest()].join(';');
}

/** Whether text ends where a name is declared or assigned to. */
const declared = (before: string): boolean =>
  /(wire|reg|input|output|assign)( signed)?( +\[\d+:\d+\])? +$|^ {4}$|\n {4}$/.test(before);

/** One constant flipped, two operands swapped, or an inverter dropped or put in, anywhere in the text. */
function mutated(files: Files, below: (n: number) => number): { files: Files; what: string } {
  const names = Object.keys(files).filter((name) => !/^(hbnn_xc7|xc7_models)/.test(name));
  for (;;) {
    const name = names[below(names.length)];
    const text = files[name];
    const places = [
      ...text.matchAll(/(?<![\w'"`.])(~?)([xncy]\d*(_\w+)?(\[\d+\])?)(?![\w[])|1'b[01]|'d\d+/g),
    ];
    const body = places.filter(
      ({ index }) => index > text.indexOf(');') && !declared(text.slice(0, index)),
    );
    if (body.length < 2) continue;
    const place = body[below(body.length)];
    const [whole] = place;
    const other = body[below(body.length)][0];
    const constant = /^(1'b|'d)(\d+)$/.exec(whole);
    const changed =
      constant !== null
        ? `${constant[1]}${Number(constant[2]) ^ 1}`
        : [other, whole.startsWith('~') ? whole.slice(1) : `~${whole}`][below(2)];
    if (changed === whole) continue;
    const broken = text.slice(0, place.index) + changed + text.slice(place.index + whole.length);
    return {
      files: { ...files, [name]: broken },
      what: `${name}: ${whole} at ${place.index} becomes ${changed}`,
    };
  }
}

// `pnpm --filter @hbnn/verilog mutants` has more of them.
const count = Number(process.env.HBNN_MUTANTS ?? 5);
const cases = [
  ['gates', undefined],
  ['xc7', undefined],
  ['gates', 2],
] as const;

it.each(cases)(
  '%s of at most %s levels: what is proved of mutants is right for all images',
  async (style, maxLevels) => {
    const model = randomModel(11, { layer: 'dense:2x3', mix: distFromAverage(1.5) });
    const design = unrolledDesign(model, { style, ...(maxLevels !== undefined && { maxLevels }) });
    const files = verilogFiles(design);
    const wanted = await computed(model, design, files);
    expect((await prove(model, design, files)).proved).toBe(true);
    const rng = random(1, 'mutants', `${style} ${maxLevels}`);
    const seen = { refused: 0, disproved: 0, open: 0, proved: 0 };
    for (let i = 0; i < count; i++) {
      const { files: given, what } = mutated(files, rng.below);
      const where = `mutant ${i} of seed 1, ${style}, ${maxLevels} levels: ${what}`;
      const proof = await prove(model, design, given).catch(() => undefined);
      const got = await computed(model, design, given).catch(() => undefined);
      if (proof === undefined) seen.refused++;
      else if (proof.disproof !== undefined) seen.disproved++;
      else if (!proof.proved) seen.open++;
      else {
        seen.proved++;
        expect(got === wanted, where).toBe(true);
      }
    }
    // What is equal may be disproved: a layer is right for all of its inputs, not for those that images bring.
    expect(seen.disproved).toBeGreaterThan(count / 4);
    if (process.env.SHOW_MUTANTS)
      process.stdout.write(`${style} ${maxLevels} ${JSON.stringify(seen)}\n`);
  },
);
