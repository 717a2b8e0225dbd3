import { backendChoice } from '@hbnn/train/backends';

/** Choose the TensorFlow.js backend and say on stderr which one and why. */
export async function backendFrom(text: string): Promise<string> {
  const prefer = backendChoice(text, '--backend');
  const { useBackend } = await import('@hbnn/train');
  const { name, why } = await useBackend({ prefer });
  process.stderr.write(`backend ${why}\n`);
  return name;
}
