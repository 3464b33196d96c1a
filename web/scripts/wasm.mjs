/** Compiles the rules for browsers. Paths of the machine are replaced, so that the same sources and compiler give the same bytes. */
import { execFileSync } from 'node:child_process'
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

/** Who compiles: another version gives other bytes. */
export const compiler = () => execFileSync('rustc', ['--version'], { cwd: root, encoding: 'utf8' }).trim()
