import { defineConfig, mergeConfig } from 'vitest/config';
import shared from '../../vitest.shared.ts';

// Test files share what takes long to compile.
export default mergeConfig(shared, defineConfig({ test: { isolate: false } }));
