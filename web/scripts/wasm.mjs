/**
 * Compiles the rules for browsers: `public/verifier.wasm`. Paths of the machine are replaced, so that the same sources and
 * compiler give the same bytes anywhere.
 */
import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdirSync } from 'node:fs'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../', import.meta.url))
const TARGET = 'wasm32-unknown-unknown'

/** Compiles into `targetDir` and returns the file's path. */
export function compile(targetDir = process.env.CARGO_TARGET_DIR ?? join(root, 'target')) {
  const cargoHome = process.env.CARGO_HOME ?? join(homedir(), '.cargo')
  const flags = [`--remap-path-prefix=${cargoHome}=/cargo`, `--remap-path-prefix=${resolve(root)}=/mingjian`]
  const env = { ...process.env, CARGO_ENCODED_RUSTFLAGS: flags.join('\x1f'), CARGO_TARGET_DIR: targetDir }
  const args = ['build', '--quiet', '--locked', '-p', 'mingjian-verifier', '--profile', 'wasm', '--target', TARGET]
  execFileSync('cargo', args, { cwd: root, env, stdio: 'inherit' })
  return join(targetDir, TARGET, 'wasm', 'mingjian_verifier.wasm')
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  mkdirSync(new URL('../public/', import.meta.url), { recursive: true })
  copyFileSync(compile(), new URL('../public/verifier.wasm', import.meta.url))
}
