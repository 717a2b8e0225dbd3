import { mergeConfig } from 'vitest/config';
import shared from '../../vitest.shared.ts';

// These tests take longest: with one process they would still run on one core when all others are done.
export default mergeConfig(shared, { test: { maxWorkers: 2 } });
