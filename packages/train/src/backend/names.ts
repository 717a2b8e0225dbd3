import { chosenName } from '@hbnn/core';

/** All backends, those that `auto` tries first, in its order. */
export const backendNames = ['tensorflow', 'wasm', 'cpu', 'webgpu'] as const;

export type BackendName = (typeof backendNames)[number];

export type BackendChoice = 'auto' | BackendName;

const choices: readonly BackendChoice[] = ['auto', ...backendNames];

/** The choices as a list in words. */
export const backendChoices = `${choices.slice(0, -1).join(', ')} or ${choices.at(-1)}`;

/**
 * Read a backend's name.
 *
 * @param where what to call the place it comes from
 * @throws HbnnError when there is none of that name
 */
export function backendChoice(text: string, where: string): BackendChoice {
  return chosenName(text, choices, where);
}
