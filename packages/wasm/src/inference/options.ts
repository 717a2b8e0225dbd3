import { chosenName, HbnnError, kindOf } from '@hbnn/core';

/**
 * Refuse options that a function does not have.
 *
 * @param where the function
 * @throws HbnnError naming the option, and the nearest one that there is
 */
export function checkOptions(options: unknown, names: readonly string[], where: string): void {
  if (typeof options !== 'object' || options === null)
    throw new HbnnError(
      `${where}: expected options as an object, got ${kindOf(options)}; pass { ${names[0]}: … }, or leave them out`,
    );
  for (const name of Object.keys(options)) chosenName(name, names, `${where}: an option`);
}
