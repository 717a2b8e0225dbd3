import type { Worker } from 'node:worker_threads';
import { expect, it, vi } from 'vitest';
import { YosysPool, YosysTimeout } from './yosysPool.ts';

const module = 'module t (input wire a, output wire y); assign y = ~a; endmodule';
const job = { name: 't', script: 'read_verilog t.v\nwrite_json\n', files: { 't.v': module } };

it('runs more jobs than it has threads and goes on after one that fails', async () => {
  const pool = new YosysPool(2);
  const bad = { ...job, name: 'bad.v', files: { 't.v': 'module t (; endmodule' } };
  const all = await Promise.allSettled([job, bad, job, job].map((one) => pool.run(one)));
  expect(all.map(({ status }) => status)).toEqual([
    'fulfilled',
    'rejected',
    'fulfilled',
    'fulfilled',
  ]);
  expect(String((all[1] as PromiseRejectedResult).reason)).toContain('bad.v: syntax error');
  await pool.close();
});

it('ends a job at its limit, and the thread after it works', async () => {
  const pool = new YosysPool(1);
  await pool.run(job);
  // A proof that takes far longer: distributivity.
  const wide =
    'module t (input [15:0] a, b, c, output same); assign same = (a + b) * c == a * c + b * c; endmodule';
  const script = 'read_verilog t.v\nprep -top t\ntechmap\nsat -verify -prove same 1 t\n';
  const slow = pool.run({ name: 'slow', script, files: { 't.v': wide }, maxSeconds: 1 });
  await expect(slow).rejects.toThrow(YosysTimeout);
  expect((await pool.run(job)).output).toContain('$not');
  await pool.close();
});

it('says so when a thread dies', async () => {
  const pool = new YosysPool(1);
  const first = pool.run({ ...job, name: 'layer.v' });
  const { threads } = pool as unknown as { threads: { worker: { terminate(): Promise<void> } }[] };
  await threads[0].worker.terminate();
  await expect(first).rejects.toThrow(
    /^layer\.v: expected Yosys to finish, got a thread that ended/,
  );
  expect((await pool.run(job)).output).toContain('$not');
  await pool.close();
});

it('keeps the process alive until its threads have ended, whatever still comes from them', async () => {
  const pool = new YosysPool(1);
  const given = pool.run(job);
  const { threads } = pool as unknown as { threads: { worker: Worker }[] };
  const { worker } = threads[0];
  const closed = pool.close();
  const unref = vi.spyOn(worker, 'unref');
  worker.emit('message', { output: '', log: '', failed: false });
  expect(unref).not.toHaveBeenCalled();
  await expect(given).rejects.toThrow(/pool was closed/);
  await closed;
});
