/**
 * Builds the offline verifier, one file without a network: `public/verify.html`, and the rules by themselves for the
 * interface, `public/verifier.wasm`. `--twice` builds both once more, from a copy of the sources in another folder and from
 * nothing, and compares every byte; `--page-twice` does so with the page alone, which takes seconds (docs/reproducible.md).
 */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'vite'
import { compile, compiler } from './wasm.mjs'

const here = (path) => fileURLToPath(new URL(path, import.meta.url))
const sha256 = (data, encoding) => createHash('sha256').update(data).digest(encoding)

/** One entry and all that it imports as a single classic script, and the styles beside it. */
async function bundle(entry) {
  const built = await build({
    configFile: here('../vite.config.ts'),
    root: here('..'),
    mode: 'production',
    logLevel: 'warn',
    publicDir: false,
    define: { 'process.env.NODE_ENV': '"production"' },
    build: {
      write: false,
      manifest: false,
      target: 'es2022',
      cssCodeSplit: false,
      assetsInlineLimit: Number.MAX_SAFE_INTEGER,
      // Comments would name the folders that packages came from.
      rolldownOptions: { output: { codeSplitting: false, minify: true } },
      lib: { entry: here(entry), formats: ['es'], name: 'verifier', fileName: 'verifier' },
    },
  })
  const { output } = Array.isArray(built) ? built[0] : built
  const chunks = output.filter((file) => file.type === 'chunk')
  if (chunks.length !== 1) throw new Error(`${entry}: ${chunks.length} chunks, not one`)
  const css = output.filter((file) => file.fileName.endsWith('.css')).map((file) => String(file.source))
  return { code: inline(chunks[0].code), css: css.join('\n') }
}

/** No text inside a script element may end it. */
const inline = (code) => code.replaceAll('\r', '').replace(/<(\/script|!--)/gi, '\\x3c$1')

/** The page: nothing may be loaded from anywhere, and only these very bytes may run. */
function page({ app, worker, rules }) {
  const code = `\n${app.code}\n`
  const css = `\n${app.css}\n`
  const policy = [
    "default-src 'none'",
    `script-src 'sha256-${sha256(code, 'base64')}' blob: 'wasm-unsafe-eval'`,
    `style-src 'sha256-${sha256(css, 'base64')}'`,
    'worker-src blob:',
    'media-src blob:',
    'img-src data: blob:',
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ')
  return `<!doctype html>
<html lang="zh-CN">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>明鉴 · 离线核验 Mingjian offline verification</title>
<style>${css}</style>
</head>
<body>
<div id="app"></div>
<noscript>核验在您的浏览器里完成，请允许本页运行 JavaScript。 The verification runs in your browser: allow JavaScript.</noscript>
<script type="text/plain" id="rules">${rules.toString('base64')}</script>
<script type="text/plain" id="worker">${worker.code}</script>
<script type="module">${code}</script>
</body>
</html>
`
}

/** The page around these rules. */
async function pageOf(rules) {
  const [app, worker] = [await bundle('../src/offline/main.ts'), await bundle('../src/verify/worker.ts')]
  return page({ app, worker, rules })
}

/** A path of this machine in the rules would make every machine's file another one. */
function refusePaths(rules) {
  const text = rules.toString('latin1')
  const found = [homedir(), process.env.CARGO_HOME, here('../../')].find((path) => path && text.includes(path))
  if (found) throw new Error(`the compiled rules name ${found}`)
}

/** The sources as they are tracked, in a folder of another name, with the packages that are installed here. */
function copy() {
  const root = here('../../')
  const folder = mkdtempSync(join(tmpdir(), 'somewhere-else-'))
  const listed = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], { cwd: root })
  for (const name of listed.toString().split('\0').filter(Boolean)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    cpSync(join(root, name), join(folder, name))
  }
  symlinkSync(here('../node_modules'), join(folder, 'web/node_modules'))
  return folder
}

/** Builds in the copy, with or without compiling the rules anew, and compares. */
function again({ html, rules }, pageOnly) {
  const folder = copy()
  try {
    const public_ = join(folder, 'web/public')
    mkdirSync(public_, { recursive: true })
    const args = ['scripts/verifier.mjs']
    if (pageOnly) {
      writeFileSync(join(folder, 'rules.wasm'), rules)
      args.push('--rules', join(folder, 'rules.wasm'))
    }
    const env = { ...process.env, CARGO_TARGET_DIR: join(folder, 'target') }
    execFileSync('node', args, { cwd: join(folder, 'web'), env, stdio: ['ignore', 'ignore', 'inherit'] })
    const read = (name) => readFileSync(join(public_, name))
    if (!read('verify.html').equals(Buffer.from(html)) || !read('verifier.wasm').equals(rules)) {
      console.error(`two builds differ: ${sha256(html, 'hex')} and ${sha256(read('verify.html'), 'hex')}`)
      process.exit(1)
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
  console.log(pageOnly ? 'two builds of the page, the same bytes' : 'two builds, the same bytes')
}

const flag = (name) => process.argv.includes(name)
const given = flag('--rules') ? process.argv[process.argv.indexOf('--rules') + 1] : null
const rules = readFileSync(given ?? compile())
refusePaths(rules)
const html = await pageOf(rules)
if (flag('--twice') || flag('--page-twice')) again({ html, rules }, !flag('--twice'))
mkdirSync(here('../public/'), { recursive: true })
writeFileSync(here('../public/verifier.wasm'), rules)
writeFileSync(here('../public/verify.html'), html)
console.log(`verify.html  ${(html.length / 1e6).toFixed(2)} MB  sha256 ${sha256(html, 'hex')}  by ${compiler()}`)
