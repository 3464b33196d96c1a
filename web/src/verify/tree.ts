/** RFC 6962 §2.1 Merkle tree: roots, and the two proofs as RFC 9162 §2.1.3.2 and §2.1.4.2 verify them. */

import { concat, equal, sha256, type Bytes } from '@/lib/bytes'

export const nodeHash = (left: Uint8Array, right: Uint8Array): Promise<Bytes> =>
  sha256(concat(Uint8Array.of(1), left, right))

/** The root over leaf hashes; the hash of nothing for an empty tree. */
export async function rootOf(leaves: readonly Uint8Array[]): Promise<Bytes> {
  if (leaves.length === 0) return sha256(new Uint8Array())
  // A stack of (height, hash): two neighbours of one height become their parent, as in a binary counter.
  const stack: { height: number; hash: Bytes }[] = []
  for (const leaf of leaves) {
    let top = { height: 0, hash: leaf as Bytes }
    while (stack.at(-1)?.height === top.height) {
      top = { height: top.height + 1, hash: await nodeHash(stack.pop()!.hash, top.hash) }
    }
    stack.push(top)
  }
  let root = stack.pop()!.hash
  while (stack.length > 0) root = await nodeHash(stack.pop()!.hash, root)
  return root
}

export interface PathStep {
  side: 'left' | 'right'
  sibling: Bytes
  /** What this browser computed from the two. */
  computed: Bytes
}

/** The way from a leaf to the root that the proof leads to, step by step for the screen. Null if the proof has the wrong length. */
export async function climb(
  leaf: Uint8Array,
  index: number,
  size: number,
  proof: readonly Uint8Array[],
): Promise<{ root: Bytes; steps: PathStep[] } | null> {
  if (!Number.isSafeInteger(index) || !Number.isSafeInteger(size) || index < 0 || index >= size) return null
  let fn = index
  let sn = size - 1
  let root = leaf as Bytes
  const steps: PathStep[] = []
  for (const sibling of proof as readonly Bytes[]) {
    if (sn === 0) return null
    if (fn % 2 === 1 || fn === sn) {
      root = await nodeHash(sibling, root)
      steps.push({ side: 'left', sibling, computed: root })
      while (fn % 2 === 0 && fn !== 0) {
        fn = Math.floor(fn / 2)
        sn = Math.floor(sn / 2)
      }
    } else {
      root = await nodeHash(root, sibling)
      steps.push({ side: 'right', sibling, computed: root })
    }
    fn = Math.floor(fn / 2)
    sn = Math.floor(sn / 2)
  }
  return sn === 0 ? { root, steps } : null
}

export async function verifyInclusion(
  leaf: Uint8Array,
  index: number,
  size: number,
  proof: readonly Uint8Array[],
  root: Uint8Array,
): Promise<boolean> {
  const climbed = await climb(leaf, index, size, proof)
  return climbed !== null && equal(climbed.root, root)
}

/** Whether the tree of `oldSize` with `oldRoot` is a prefix of the tree of `newSize` with `newRoot`. */
export async function verifyConsistency(
  oldSize: number,
  oldRoot: Uint8Array,
  newSize: number,
  newRoot: Uint8Array,
  proof: readonly Uint8Array[],
): Promise<boolean> {
  if (![oldSize, newSize].every(Number.isSafeInteger) || oldSize < 0 || oldSize > newSize) return false
  if (oldSize === newSize) return proof.length === 0 && equal(oldRoot, newRoot)
  if (oldSize === 0) return proof.length === 0 && equal(oldRoot, await rootOf([]))
  let path = proof as readonly Bytes[]
  const isPowerOfTwo = 2 ** Math.round(Math.log2(oldSize)) === oldSize
  if (isPowerOfTwo) path = [oldRoot as Bytes, ...path]
  if (path.length === 0) return false
  let fn = oldSize - 1
  let sn = newSize - 1
  while (fn % 2 === 1) {
    fn = Math.floor(fn / 2)
    sn = Math.floor(sn / 2)
  }
  let oldComputed = path[0]!
  let newComputed = path[0]!
  for (const node of path.slice(1)) {
    if (sn === 0) return false
    if (fn % 2 === 1 || fn === sn) {
      oldComputed = await nodeHash(node, oldComputed)
      newComputed = await nodeHash(node, newComputed)
      while (fn % 2 === 0 && fn !== 0) {
        fn = Math.floor(fn / 2)
        sn = Math.floor(sn / 2)
      }
    } else {
      newComputed = await nodeHash(newComputed, node)
    }
    fn = Math.floor(fn / 2)
    sn = Math.floor(sn / 2)
  }
  return sn === 0 && equal(oldComputed, oldRoot) && equal(newComputed, newRoot)
}
