import { fileURLToPath, URL } from 'node:url'
import vue from '@vitejs/plugin-vue'
import i18n from '@intlify/unplugin-vue-i18n/vite'
import { defineConfig } from 'vitest/config'

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))

const backend = process.env.MINGJIAN ?? 'http://127.0.0.1:8080'

export default defineConfig({
  plugins: [
    vue(),
    // Messages are compiled at build time: the page's policy allows no eval.
    i18n({ include: [here('./src/locales/**')], runtimeOnly: true, strictMessage: true }),
  ],
  resolve: { alias: { '@': here('./src') } },
  build: {
    target: 'es2022',
    // Browsers that sign with Ed25519 know light-dark() as well: no rewriting of our one-definition colours.
    cssTarget: ['chrome123', 'firefox128', 'safari17.5'],
    sourcemap: false,
    manifest: true,
    // No data: URLs and no inlined modules; every byte is a file with a hash in its name.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 700,
  },
  server: {
    port: 5173,
    proxy: { '/api': { target: backend, ws: true, headers: { origin: backend } }, '/ledger': backend },
  },
  test: {
    include: ['tests/**/*.test.ts'],
    environment: 'node',
    // WebCrypto's Ed25519 runs in real time; nothing here needs longer than this.
    testTimeout: 15_000,
  },
})
