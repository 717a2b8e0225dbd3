// A thread that runs one command line of hbnn after another. What each prints is collected, not shown.
import { workerData } from 'node:worker_threads';

const { bundle, answered, port } = workerData;
let printed = { out: '', err: '' };
const collect = (name) => (chunk, encoding, done) => {
  printed[name] += typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString('utf8');
  const after = typeof encoding === 'function' ? encoding : done;
  after?.();
  return true;
};
process.stdout.write = collect('out');
process.stderr.write = collect('err');
const { runTyped } = await import(bundle);

port.on('message', async ({ args, env }) => {
  printed = { out: '', err: '' };
  process.exitCode = undefined;
  for (const name of Object.keys(process.env)) if (!(name in env)) delete process.env[name];
  // A command that works in a process of its own does so here at once.
  Object.assign(process.env, env, { HBNN_WORK_PROCESS: '1' });
  await runTyped(args);
  port.postMessage({ code: process.exitCode ?? 0, ...printed });
  Atomics.store(answered, 0, 1);
  Atomics.notify(answered, 0);
});
