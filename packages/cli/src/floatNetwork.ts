import { statSync } from 'node:fs';
import type { StoredNetwork } from '@hbnn/import';
import { kindAt } from './pathKind.ts';

const networkFile = /\.(onnx|keras|h5|hdf5|json)$/i;

/** Whether a path is a float network: a file of another framework, or a folder of `hbnn import`. */
export function isFloatNetwork(path: string): boolean {
  const kind = kindAt(path);
  return kind === 'network folder' || (kind === 'file' && networkFile.test(path));
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
