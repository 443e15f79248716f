// How the web app is built, served while it is worked on, and tested.
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';

/** The local chain's HTTP server, which serves the directory, the faucet and the history while developing. */
const chain = process.env.PLIMSOLL_URL ?? 'http://127.0.0.1:8080';

export default defineConfig({
  plugins: [react()],
  server: {
    host: '127.0.0.1',
    port: 5173,
    proxy: { '/exchange.json': chain, '/local': chain, '/history': chain },
  },
  build: {
    target: 'es2023',
    sourcemap: false,
    // The module of the program's own arithmetic is fetched once and cached; it never belongs inside the script.
    assetsInlineLimit: 2048,
    rollupOptions: {
      output: {
        // The chart library and the chain library change rarely: browsers keep them across releases of the app.
        manualChunks: (id) => {
          if (id.includes('lightweight-charts') || id.includes('fancy-canvas')) return 'charts';
          if (id.includes('/@solana/')) return 'solana';
          if (/node_modules\/(react|react-dom|scheduler|@tanstack)\//.test(id)) return 'react';
          return undefined;
        },
      },
    },
  },
  test: {
    environment: 'jsdom',
    // The client's live tests need a chain, and are run by its own script.
    include: ['src/**/*.test.{ts,tsx}', 'client/test/*.test.ts', 'client/test/unit/**/*.test.ts'],
    css: { modules: { classNameStrategy: 'non-scoped' } },
  },
});
