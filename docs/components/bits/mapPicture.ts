/** How the weights of a map lie in a picture: a pixel for each that is drawn. */
export interface MapPicture {
  readonly columns: number;
  readonly rows: number;
  readonly outputs: number;
  readonly inputs: number;
  /** Lines that an output takes, one below the other. */
  readonly lines: number;
  /** Blocks of rows side by side, with a column of pixels between them. */
  readonly bands: number;
  /** 1 where all are drawn, 2 where every second is … */
  readonly outputStep: number;
  readonly inputStep: number;
}

/** Pixels of a side: browsers draw no canvas of 65,536, and phones none of 16,384. */
const maxSide = 1024;
/** A band is split from this many rows on. */
const tallBand = 256;

/** Lay a map out. The first dimension is that of the outputs; a tensor of one dimension is one output. */
export function mapPicture(count: number, shape: readonly number[]): MapPicture {
  const outputs = shape.length === 1 ? 1 : shape[0];
  const inputs = count / outputs;
  const inputStep = Math.ceil(inputs / (maxSide * maxSide));
  const drawn = Math.ceil(inputs / inputStep);
  const lines = Math.ceil(drawn / maxSide);
  const width = Math.ceil(drawn / lines);
  const tall = outputs * lines;
  const bands = Math.max(
    1,
    Math.min(Math.floor((maxSide + 1) / (width + 1)), Math.ceil(tall / tallBand)),
  );
  const outputStep = Math.ceil(tall / (bands * maxSide));
  const rows = Math.ceil(Math.ceil(outputs / outputStep) / bands) * lines;
  const columns = bands * (width + 1) - 1;
  return { columns, rows, outputs, inputs, lines, bands, outputStep, inputStep };
}

/** The weight at a pixel, row-major; undefined where there is none. */
export function weightAt(picture: MapPicture, x: number, y: number): number | undefined {
  const { columns, rows, outputs, inputs, lines, bands, outputStep, inputStep } = picture;
  const width = (columns + 1) / bands - 1;
  const band = Math.floor(x / (width + 1));
  const column = x % (width + 1);
  const output = ((band * rows) / lines + Math.floor(y / lines)) * outputStep;
  const input = ((y % lines) * width + column) * inputStep;
  if (column === width || output >= outputs || input >= inputs) return undefined;
  return output * inputs + input;
}

const ordinal = (n: number): string => {
  const teen = n % 100 > 10 && n % 100 < 14;
  const ending = teen ? 'th' : (['th', 'st', 'nd', 'rd'][n % 10] ?? 'th');
  return `${n.toLocaleString('en')}${ending}`;
};

/** What the picture shows, for people who look at it. */
export function mapWords(picture: MapPicture): string {
  const { outputs, lines, bands, outputStep, inputStep, rows } = picture;
  const said = [
    lines === 1
      ? `A row for ${outputs === 1 ? 'the only output' : `each of ${outputs.toLocaleString('en')} outputs`}, a pixel for each weight.`
      : `${outputs === 1 ? 'The only output' : `Each of ${outputs.toLocaleString('en')} outputs`} takes ${lines.toLocaleString('en')} lines, a pixel for each weight.`,
  ];
  if (bands > 1)
    said.push(`After ${rows.toLocaleString('en')} rows the map continues at the right.`);
  if (outputStep > 1) said.push(`Too many to draw: every ${ordinal(outputStep)} output is shown.`);
  if (inputStep > 1)
    said.push(`Too many to draw: every ${ordinal(inputStep)} weight of an output is shown.`);
  return said.join(' ');
}
