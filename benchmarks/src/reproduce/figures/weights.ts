import type { Profile } from '../profile.ts';
import { figureSetting } from '../settings.ts';
import type { Setting } from '../stage.ts';

/** Averages of Figure 3b between 1 and 2 bits. */
export const averages = [1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.7, 1.8, 1.9];
/** Those that decide whether accuracy rises faster than linearly: they get the deciding seeds. */
export const decidingAverages: readonly number[] = [1.2, 1.4];

/**
 * The weight-only trainings that figures 2b, 3b and §4.3 share; each stage asks for those it shows, and
 * equal settings are trained once.
 */
export const weightSettings = {
  float: (p: Profile): Setting => figureSetting(p, 'w-float', { weights: 'float' }, p.deciding),
  homogeneous: (p: Profile, bits: number): Setting =>
    figureSetting(p, `w-${bits}`, { weights: bits }, p.deciding),
  middleOut: (p: Profile, average: number): Setting =>
    figureSetting(
      p,
      `w-mo-${average}`,
      { weights: average },
      decidingAverages.includes(average) ? p.deciding : p.others,
    ),
  selected: (
    p: Profile,
    select: 'top-down' | 'bottom-up' | 'random' | 'optimal',
    average: number,
  ): Setting =>
    figureSetting(p, `w-${select}-${average}`, { weights: average, select }, p.deciding),
  mix: (p: Profile, mix: string): Setting =>
    figureSetting(p, `w-mix-${mix}`, { weights: mix }, p.deciding),
};
