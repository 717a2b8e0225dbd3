import { side } from './images.ts';

/** A point of an image, in pixels from its upper left corner. */
export interface Point {
  readonly x: number;
  readonly y: number;
}

/** An image on which a pen has gone from one point to another: all pixels near its way are light. */
export function withLine(image: Uint8Array, from: Point, to: Point): Uint8Array {
  const next = image.slice();
  for (let y = 0; y < side; y++)
    for (let x = 0; x < side; x++) {
      const far = distanceFrom({ x: x + 0.5, y: y + 0.5 }, from, to);
      const light = Math.round(255 * Math.max(0, Math.min(1, 2 - far)));
      next[y * side + x] = Math.max(next[y * side + x], light);
    }
  return next;
}

/** The distance of a point from the line between two others. */
function distanceFrom(point: Point, from: Point, to: Point): number {
  const [dx, dy] = [to.x - from.x, to.y - from.y];
  const long = dx * dx + dy * dy;
  const along = long > 0 ? ((point.x - from.x) * dx + (point.y - from.y) * dy) / long : 0;
  const share = Math.max(0, Math.min(1, along));
  return Math.hypot(point.x - from.x - share * dx, point.y - from.y - share * dy);
}
