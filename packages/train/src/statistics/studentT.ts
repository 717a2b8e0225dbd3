/**
 * Student's t distribution for whole degrees of freedom, where its integral is a finite sum (Abramowitz and Stegun,
 * 26.7.3 and 26.7.4). A library for any degrees of freedom would bring more than 200 packages to whoever trains.
 */

/** P(|T| < t) with t = √ν · tan θ. */
function insideShare(theta: number, degrees: number): number {
  const [sine, cosine] = [Math.sin(theta), Math.cos(theta)];
  const odd = degrees % 2 === 1;
  let term = odd ? cosine : 1;
  let sum = degrees === 1 ? 0 : term;
  for (let k = odd ? 3 : 2; k <= degrees - 2; k += 2) {
    term *= ((k - 1) / k) * cosine * cosine;
    sum += term;
  }
  return odd ? (2 / Math.PI) * (theta + sine * sum) : sine * sum;
}

/**
 * The probability that |T| is at least |t|: the p value of a two-sided test, to about 1e-15.
 *
 * @param degrees of freedom, a whole number from 1
 */
export function twoSidedP(t: number, degrees: number): number {
  const theta = Math.atan(Math.abs(t) / Math.sqrt(degrees));
  return Math.min(1, Math.max(0, 1 - insideShare(theta, degrees)));
}

/**
 * The t that |T| stays below with the probability `level`: half an interval's width in standard errors.
 *
 * @param level between 0 and 1
 * @param degrees of freedom, a whole number from 1
 */
export function twoSidedQuantile(level: number, degrees: number): number {
  let [low, high] = [0, Math.PI / 2];
  // Halving ends when no float lies between.
  for (let middle = high / 2; low < middle && middle < high; middle = (low + high) / 2) {
    if (insideShare(middle, degrees) < level) low = middle;
    else high = middle;
  }
  return Math.sqrt(degrees) * Math.tan(low);
}
