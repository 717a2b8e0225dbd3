import { statSync } from 'node:fs';
import type { StoredNetwork } from '@hbnn/import';
import { isNetworkName, kindAt } from './pathKind.ts';

/** Whether a path is a float network: a file or folder of another framework, or a folder of `hbnn import`. */
export function isFloatNetwork(path: string): boolean {
  const kind = kindAt(path);
  if (kind === 'network folder' || kind === 'TensorFlow.js folder') return true;
  return kind === 'file' && isNetworkName(path);
}

/**
 * Read a float network, wherever it comes from. A backend of TensorFlow.js must have been started.
 *
 * @throws HbnnError naming the layer, node or field that cannot be read
 */
export async function readFloatNetwork(path: string): Promise<StoredNetwork> {
  const { importNetwork, isNetworkFolder, openNetwork } = await import('@hbnn/import');
  const isOwn = statSync(path).isDirectory() && isNetworkFolder(path);
  return isOwn ? openNetwork(path) : importNetwork(path);
}
