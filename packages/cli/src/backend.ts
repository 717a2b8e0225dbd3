import { HbnnError } from '@hbnn/core';

const names = ['auto', 'tensorflow', 'wasm', 'cpu'] as const;

/** Choose the TensorFlow.js backend and say on stderr which one and why. */
export async function backendFrom(text: string): Promise<string> {
  const prefer = names.find((name) => name === text);
  if (prefer === undefined) {
    throw new HbnnError(`--backend: expected one of ${names.join(', ')}, got '${text}'`);
  }
  const { useBackend } = await import('@hbnn/train');
  const { name, why } = await useBackend({ prefer });
  process.stderr.write(`backend ${why}\n`);
  return name;
}
