/** A file that only this viewer may have: counted as it comes, then saved. */

/** Saves what comes under `name` and returns its size in bytes. */
export async function saveStream(
  stream: ReadableStream<Uint8Array>,
  name: string,
  type: string,
  onBytes: (count: number) => void,
): Promise<number> {
  const parts: BlobPart[] = []
  let count = 0
  const reader = stream.getReader()
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    parts.push(part.value as BlobPart)
    onBytes((count += part.value.length))
  }
  save(name, new Blob(parts, { type }))
  return count
}

/** Hands a file to the browser to keep. */
export function save(name: string, body: Blob): void {
  const url = URL.createObjectURL(body)
  const link = document.createElement('a')
  link.href = url
  link.download = name
  link.click()
  setTimeout(() => URL.revokeObjectURL(url), 10_000)
}
