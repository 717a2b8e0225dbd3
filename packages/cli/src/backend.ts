import { backendChoice } from '@hbnn/train/backends';

/** A backend that was started. */
export interface StartedBackend {
  readonly name: string;
  /** Say on stderr which backend it is and why, the first time it is called. */
  announce(): void;
}

/** Start the TensorFlow.js backend. What it is, is said once all other input has been checked, unless `quiet`. */
export async function backendFrom(
  text: string,
  { quiet = false }: { readonly quiet?: boolean } = {},
): Promise<StartedBackend> {
  const prefer = backendChoice(text, '--backend');
  const { useBackend } = await import('@hbnn/train');
  const { name, why } = await useBackend({ prefer });
  let said = quiet;
  return {
    name,
    announce() {
      if (!said) process.stderr.write(`backend ${why}\n`);
      said = true;
    },
  };
}
