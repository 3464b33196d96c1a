/** A file that only this viewer may have: fetched with the session, counted as it comes, then saved. */

import { ApiError, type Problem } from './client'

/** Saves it under `name` and returns its size in bytes; a refusal comes in the server's words. */
export async function fetchFile(path: string, name: string, onBytes: (count: number) => void): Promise<number> {
  const response = await fetch(path, { credentials: 'same-origin' }).catch(() => {
    throw new ApiError('offline', 0, null)
  })
  if (!response.ok || !response.body) {
    const problem = (await response.json().catch(() => null)) as Problem | null
    throw new ApiError(problem?.code ?? `http_${response.status}`, response.status, problem)
  }
  const parts: BlobPart[] = []
  let count = 0
  const reader = response.body.getReader()
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    parts.push(part.value as BlobPart)
    onBytes((count += part.value.length))
  }
  save(name, new Blob(parts, { type: response.headers.get('Content-Type') ?? 'application/octet-stream' }))
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
