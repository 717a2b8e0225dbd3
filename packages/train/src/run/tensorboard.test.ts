import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import golden from '../../test/golden/events.json' with { type: 'json' };
import { eventWriter, maskedCrc32c, scalarEvent, versionEvent } from './tensorboard.ts';

/** The records of an event file, each checked by both its checksums. */
function recordsOf(bytes: Buffer): Buffer[] {
  const records: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = Number(bytes.readBigUInt64LE(at));
    const data = bytes.subarray(at + 12, at + 12 + length);
    expect(bytes.readUInt32LE(at + 8)).toBe(maskedCrc32c(bytes.subarray(at, at + 8)));
    expect(bytes.readUInt32LE(at + 12 + length)).toBe(maskedCrc32c(data));
    records.push(data);
    at += 16 + length;
  }
  return records;
}

const line = (step: number) => ({
  step,
  epoch: 0,
  loss: 1 / step,
  accuracy: 0.5,
  imagesPerSecond: 10,
  learningRate: 0.1,
  seconds: step,
});

describe('event files', () => {
  it('have the bytes that TensorBoard’s own writer gives', () => {
    expect(versionEvent(golden.version.seconds).toString('hex')).toBe(golden.version.bytes);
    for (const { seconds, step, tag, value, bytes } of golden.scalars) {
      expect(scalarEvent(seconds, step, tag, value).toString('hex'), tag).toBe(bytes);
    }
  });

  it('hold what a run’s metrics say, and one sitting’s takes the place of the last’s', () => {
    const dir = mkdtempSync(join(tmpdir(), 'hbnn-events-'));
    const first = eventWriter(dir, []);
    for (const step of [1, 2, 3]) first.add(line(step));
    const second = eventWriter(dir, [line(1), line(2)]);
    second.add({ ...line(3), validationLoss: 2, validationAccuracy: 0.25 });
    const files = readdirSync(join(dir, 'tensorboard'));
    expect(files).toHaveLength(1);
    expect(files[0]).toMatch(/^events\.out\.tfevents\.\d+\./);
    const records = recordsOf(readFileSync(join(dir, 'tensorboard', files[0])));
    // The version, four numbers a line, two more where there is a validation.
    expect(records).toHaveLength(1 + 3 * 4 + 2);
    const tagged = (tag: string): number =>
      records.filter((record) => record.includes(Buffer.from(tag))).length;
    expect([tagged('train/loss'), tagged('validation/accuracy')]).toEqual([3, 1]);
  });
});
