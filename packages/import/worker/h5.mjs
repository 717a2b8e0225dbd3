// Reads an HDF5 file whole, apart from the program: the library goes round without end in some damaged files, and the
// thread can be ended then. Messages: 'ready' once the library is there, then the objects of the file or an error.
import { parentPort, workerData } from 'node:worker_threads';
import h5wasm, { Dataset, Group } from 'h5wasm';

const maxObjects = 200_000;
const maxDepth = 64;

const { FS } = await h5wasm.ready;
parentPort.postMessage({ kind: 'ready' });

const objects = [];

/** Texts, and lists of texts; other attributes say nothing of a network. */
function attributesOf(group) {
  const texts = {};
  for (const [name, attribute] of Object.entries(group.attrs)) {
    const { value } = attribute;
    const isText = typeof value === 'string';
    const isList = Array.isArray(value) && value.every((item) => typeof item === 'string');
    if (isText || isList) texts[name] = value;
  }
  return texts;
}

function take(entity, path, depth) {
  if (depth > maxDepth || objects.length > maxObjects)
    throw new Error('its groups lie in each other without end');
  if (entity instanceof Group) {
    const names = entity.keys();
    objects.push({ kind: 'group', path, names, attributes: attributesOf(entity) });
    for (const name of names)
      take(entity.get(name), path === '/' ? `/${name}` : `${path}/${name}`, depth + 1);
  } else if (entity instanceof Dataset) {
    const { dtype, shape } = entity;
    const data = dtype === '<f' ? entity.value : undefined;
    objects.push({ kind: 'numbers', path, dtype: String(dtype), shape: shape ?? [], data });
  }
}

try {
  const path = '/network.h5';
  FS.writeFile(path, workerData.bytes);
  const file = new h5wasm.File(path, 'r');
  if (file.file_id < 0n) throw new Error('it has no HDF5 header');
  take(file, '/', 0);
  parentPort.postMessage({ kind: 'objects', objects });
} catch (error) {
  parentPort.postMessage({
    kind: 'error',
    message: String(error?.message ?? error).split('\n')[0],
  });
}
