import { type H5Object, H5Thread } from './h5Thread.ts';

/** Read an HDF5 file in a thread of its own: what a damaged file does to the library ends with it. */
export async function h5Objects(bytes: Uint8Array): Promise<readonly H5Object[]> {
  const thread = new H5Thread();
  try {
    return await thread.read(bytes);
  } finally {
    await thread.end();
  }
}
