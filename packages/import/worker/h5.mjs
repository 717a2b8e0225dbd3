// Reads HDF5 files whole, apart from the program: the library goes round without end in some damaged files, and the
// thread can be ended then. Messages: 'ready' once the library is there, then the objects of each file or an error.
import { parentPort } from 'node:worker_threads';
import h5wasm, { Dataset, Group } from 'h5wasm';

const maxObjects = 200_000;
const maxDepth = 64;

const { FS } = await h5wasm.ready;

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

/** Take an object of a file, and what lies below it. */
function take(entity, path, depth, objects) {
  if (depth > maxDepth || objects.length > maxObjects)
    throw new Error('its groups lie in each other without end');
  if (entity instanceof Group) {
    const names = entity.keys();
    objects.push({ kind: 'group', path, names, attributes: attributesOf(entity) });
    for (const name of names)
      take(entity.get(name), path === '/' ? `/${name}` : `${path}/${name}`, depth + 1, objects);
  } else if (entity instanceof Dataset) {
    const { dtype, shape } = entity;
    const data = dtype === '<f' ? entity.value : undefined;
    objects.push({ kind: 'numbers', path, dtype: String(dtype), shape: shape ?? [], data });
  }
}

let files = 0;

/** All objects of a file, which has a name of its own: the library may hold on to a damaged one. */
function read(bytes) {
  const path = `/network-${files++}.h5`;
  FS.writeFile(path, bytes);
  try {
    return objectsOf(new h5wasm.File(path, 'r'));
  } finally {
    FS.unlink(path);
  }
}

function objectsOf(file) {
  if (file.file_id < 0n) throw new Error('it has no HDF5 header');
  try {
    const objects = [];
    take(file, '/', 0, objects);
    return objects;
  } finally {
    file.close();
  }
}

parentPort.on('message', ({ bytes }) => {
  try {
    parentPort.postMessage({ kind: 'objects', objects: read(bytes) });
  } catch (error) {
    const message = String(error?.message ?? error).split('\n')[0];
    parentPort.postMessage({ kind: 'error', message });
  }
});
parentPort.postMessage({ kind: 'ready' });
