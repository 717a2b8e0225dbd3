/** A point with a label, in pixels from the upper left corner of its panel. */
export interface LabelledPoint {
  readonly text: string;
  readonly x: number;
  readonly y: number;
}

/** Where the label of a point stands: properties of a Vega-Lite text mark. */
export interface LabelPlace {
  readonly align: 'left' | 'right' | 'center';
  readonly baseline: 'top' | 'middle' | 'bottom';
  readonly dx: number;
  readonly dy: number;
}

/** Places around a point, the best first. */
const places: readonly LabelPlace[] = [
  { align: 'left', baseline: 'middle', dx: 7, dy: 0 },
  { align: 'right', baseline: 'middle', dx: -7, dy: 0 },
  { align: 'center', baseline: 'bottom', dx: 0, dy: -6 },
  { align: 'center', baseline: 'top', dx: 0, dy: 6 },
  { align: 'left', baseline: 'bottom', dx: 4, dy: -4 },
  { align: 'left', baseline: 'top', dx: 4, dy: 4 },
  { align: 'right', baseline: 'bottom', dx: -4, dy: -4 },
  { align: 'right', baseline: 'top', dx: -4, dy: 4 },
];

/** The area of a label, a point or a line, in pixels. */
export interface Box {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

/** Width of a letter as a share of the font's size; sans-serif digits are a little narrower. */
const letterWidth = 0.62;
const pointRadius = 5;
const lineRadius = 1;

/** The box that a label takes at a place. */
export function labelBox(point: LabelledPoint, place: LabelPlace, fontSize: number): Box {
  const width = letterWidth * fontSize * point.text.length;
  const [x, y] = [point.x + place.dx, point.y + place.dy];
  const left = x - { left: 0, center: width / 2, right: width }[place.align];
  const top = y - { top: 0, middle: fontSize / 2, bottom: fontSize }[place.baseline];
  return { left, right: left + width, top, bottom: top + fontSize };
}

const overlap = (a: Box, b: Box): number =>
  Math.max(0, Math.min(a.right, b.right) - Math.max(a.left, b.left)) *
  Math.max(0, Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top));

const around = (xs: readonly number[], ys: readonly number[], room: number): Box => ({
  left: Math.min(...xs) - room,
  right: Math.max(...xs) + room,
  top: Math.min(...ys) - room,
  bottom: Math.max(...ys) + room,
});

/** The lines from each point to the next: first to its side, then up or down. */
export const stepsOf = (points: readonly LabelledPoint[]): Box[] =>
  points.slice(1).flatMap(({ x, y }, i) => {
    const from = points[i];
    return [around([from.x, x], [from.y], lineRadius), around([x], [from.y, y], lineRadius)];
  });

/** What labels are placed in, and the lines that they avoid. */
interface LabelRoom {
  readonly width: number;
  readonly height: number;
  readonly fontSize: number;
  readonly lines: readonly Box[];
}

/**
 * Choose a place for the label of each point, one after the other: the first place that covers no point, no line and no
 * label chosen before, or else the place that covers least.
 */
export function labelPlaces(
  points: readonly LabelledPoint[],
  { width, height, fontSize, lines }: LabelRoom,
): LabelPlace[] {
  const taken = [...lines, ...points.map(({ x, y }) => around([x], [y], pointRadius))];
  return points.map((point) => {
    const covered = (place: LabelPlace): number => {
      const box = labelBox(point, place, fontSize);
      const inside = overlap(box, { left: 0, right: width, top: 0, bottom: height });
      const outside = (box.right - box.left) * (box.bottom - box.top) - inside;
      return taken.reduce((sum, other) => sum + overlap(box, other), outside);
    };
    const best = places.reduce((a, b) => (covered(b) < covered(a) ? b : a));
    taken.push(labelBox(point, best, fontSize));
    return best;
  });
}
