import { appendFileSync, readdirSync, rmSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { HbnnError } from '@hbnn/core';
import { makeFolder, writeWhole } from '../tensorFile.ts';
import type { MetricsLine } from './metrics.ts';

// What TensorBoard reads: records of (length uint64, masked CRC of the length, data, masked CRC of the
// data), little endian, each an Event message of TensorFlow's event.proto.

const crcTable = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  return crc;
});

/** CRC-32C (Castagnoli), rotated right by 15 bits and shifted by a constant, as TFRecord has it. */
export function maskedCrc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = crcTable[(crc ^ byte) & 0xff] ^ (crc >>> 8);
  crc = ~crc >>> 0;
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

function framed(data: Uint8Array): Buffer {
  const record = Buffer.alloc(data.length + 16);
  record.writeBigUInt64LE(BigInt(data.length), 0);
  record.writeUInt32LE(maskedCrc32c(record.subarray(0, 8)), 8);
  record.set(data, 12);
  record.writeUInt32LE(maskedCrc32c(data), 12 + data.length);
  return record;
}

const wire = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  return [...bytes, rest];
}

const key = (field: number, type: keyof typeof wire): number[] => varint((field << 3) | wire[type]);

function bytesField(field: number, data: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from([...key(field, 'bytes'), ...varint(data.length)]), data]);
}

function wallTime(seconds: number): Buffer {
  const value = Buffer.alloc(8);
  value.writeDoubleLE(seconds);
  return Buffer.concat([Buffer.from(key(1, 'fixed64')), value]);
}

/** The first event of a file: which version of the format follows. */
export function versionEvent(seconds: number): Buffer {
  return framed(Buffer.concat([wallTime(seconds), bytesField(3, Buffer.from('brain.Event:2'))]));
}

/** An event with one number under a name: Event { wall_time, step, summary { value { tag, simple_value } } }. */
export function scalarEvent(seconds: number, step: number, tag: string, value: number): Buffer {
  const number = Buffer.alloc(4);
  number.writeFloatLE(value);
  const scalar = Buffer.concat([
    bytesField(1, Buffer.from(tag)),
    Buffer.from(key(2, 'fixed32')),
    number,
  ]);
  // A step of 0 is what an event without one has: it is not written.
  const at = Buffer.from(step === 0 ? [] : [...key(2, 'varint'), ...varint(step)]);
  return framed(Buffer.concat([wallTime(seconds), at, bytesField(5, bytesField(1, scalar))]));
}

/** What TensorBoard shows, by the names of metrics.jsonl. */
const tags: readonly (readonly [keyof MetricsLine, string])[] = [
  ['loss', 'train/loss'],
  ['accuracy', 'train/accuracy'],
  ['learningRate', 'train/learning_rate'],
  ['imagesPerSecond', 'train/images_per_second'],
  ['validationLoss', 'validation/loss'],
  ['validationAccuracy', 'validation/accuracy'],
];

/** Writes a run's metrics where TensorBoard finds them. */
export interface EventWriter {
  add(line: MetricsLine): void;
}

/**
 * Start a run's event file, DIR/tensorboard/events.out.tfevents.…, with what its metrics say so far; it
 * takes the place of one of an earlier sitting, whose last steps are done again.
 */
export function eventWriter(dir: string, soFar: readonly MetricsLine[]): EventWriter {
  const folder = join(dir, 'tensorboard');
  const last = soFar.at(-1)?.seconds ?? 0;
  // Seconds of the clock at which the training would have begun, had it run in one sitting.
  const start = Date.now() / 1000 - last;
  const events = (line: MetricsLine): Buffer[] =>
    tags.flatMap(([name, tag]) => {
      const value = line[name];
      if (value === undefined) return [];
      return [scalarEvent(start + (line.seconds ?? 0), line.step, tag, value)];
    });
  const file = join(folder, `events.out.tfevents.${Math.floor(Date.now() / 1000)}.${hostname()}`);
  try {
    makeFolder(folder);
    for (const name of readdirSync(folder)) {
      if (name.startsWith('events.out.tfevents.')) rmSync(join(folder, name));
    }
  } catch (error) {
    throw new HbnnError(`${folder}: could not be written (${(error as Error).message})`);
  }
  writeWhole(file, [versionEvent(start), ...soFar.flatMap(events)]);
  return {
    add(line) {
      try {
        appendFileSync(file, Buffer.concat(events(line)));
      } catch (error) {
        throw new HbnnError(
          `${file}: could not be written (${(error as Error).message}); free disk space and resume`,
        );
      }
    },
  };
}
