/** The step of a slider: `any` while its value, which an address gave, lies between two steps, so that the thumb is at it. */
export const stepAt = (value: number, step: number): number | 'any' =>
  Math.abs(value / step - Math.round(value / step)) < 1e-9 ? step : 'any';

/** The value of a slider that was moved, on the nearest step. */
export const movedTo = (event: Event, step: number): number => {
  const value = Number((event.target as HTMLInputElement).value);
  return Number((Math.round(value / step) * step).toFixed(6));
};
