import { expect, it } from 'vitest';
import { figureText } from './estimateText.ts';

it.each([
  [12345.678, 'LUT', '12,350 LUT'],
  [27.6, 'DSP', '27.6 DSP'],
  [0, 'DSP', '0 DSP'],
  [5760, 'cycles', '5,760 cycles'],
  [1e8, 'Hz', '100 MHz'],
  [999.96, 'Hz', '1 kHz'],
  [8.5751, 'W', '8.575 W'],
  [0, 'W', '0 W'],
  [0.00007434, 'J', '74.34 µJ'],
  [3.78e-15, 'J', '3.78 fJ'],
  [2e-19, 'J', '0.0002 fJ'],
  [1234567.8, 'um2', '1,235,000 um2'],
])('writes %s %s as %s', (value, unit, text) => {
  expect(figureText(value, unit)).toBe(text);
});
