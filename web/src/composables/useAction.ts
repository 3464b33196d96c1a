import { ref, type Ref } from 'vue'
import { ApiError } from '@/api/client'
import { i18n } from '@/i18n'
import { KeyError } from '@/lib/keys'

/** One thing that a person sets off: busy while it runs, and afterwards what went wrong in words. */
export function useAction(): {
  busy: Ref<boolean>
  problem: Ref<string | null>
  code: Ref<string | null>
  run(action: () => Promise<void>): Promise<boolean>
} {
  const busy = ref(false)
  const problem = ref<string | null>(null)
  const code = ref<string | null>(null)
  return {
    busy,
    problem,
    code,
    async run(action) {
      if (busy.value) return false
      busy.value = true
      problem.value = code.value = null
      try {
        await action()
        return true
      } catch (error) {
        code.value = error instanceof ApiError ? error.code : null
        problem.value = wordsOf(error)
        return false
      } finally {
        busy.value = false
      }
    },
  }
}

export function wordsOf(error: unknown): string {
  const t = i18n.global.t
  if (error instanceof ApiError)
    return error.words ?? t(error.status === 0 ? 'state.offline.title' : 'state.error.title')
  if (error instanceof KeyError) return t(`keyFault.${error.fault}`)
  return error instanceof Error ? error.message : String(error)
}
