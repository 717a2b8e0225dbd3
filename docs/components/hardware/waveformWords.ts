import type { Waveform } from './hardwareChoice.ts';

const number = (value: number): string => value.toLocaleString('en');

/** Whether the waveform ends before two images have gone through. */
const isCut = ({ cycles, cyclesOfTwo }: Waveform): boolean => cycles < cyclesOfTwo;

export const waveformHeading = (waveform: Waveform): string =>
  isCut(waveform) ? `The first ${number(waveform.cycles)} cycles` : 'Two images on their way';

/** When the first scores come, and where the waveform ends. */
export function waveformWords(waveform: Waveform): string {
  const { cycles, cyclesOfTwo, firstScores } = waveform;
  const scores =
    firstScores === undefined
      ? 'The first scores come later.'
      : `The first scores are there at cycle ${number(firstScores)}.`;
  if (!isCut(waveform)) return scores;
  return `The waveform is cut at ${number(cycles)} cycles; two images take about ${number(cyclesOfTwo)}. ${scores}`;
}

/** Which cycles are in sight. */
export const shownCycleWords = (from: number, to: number, { cycles }: Waveform): string =>
  `Cycles ${number(from)} to ${number(to)} of ${number(cycles)}; move to see the others`;

/** A bar of a unit: its beats from one cycle to another. */
export const barWords = (unit: string, moves: boolean, from: number, to: number): string =>
  `${unit}: ${moves ? 'a beat a cycle moves on' : 'a beat waits'}, ${from === to ? `cycle ${number(from)}` : `cycles ${number(from)} to ${number(to)}`}`;
