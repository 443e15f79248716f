// How the client's own tests run; those in test/live need a running chain, and are skipped without one.
import { defineConfig } from 'vitest/config';

export default defineConfig({ test: { environment: 'node', include: ['test/**/*.test.ts'] } });
