/** Light and dark follow the system until a person chooses. */
import { computed, ref } from 'vue'

const KEPT_AS = 'mingjian.theme'
type Theme = 'light' | 'dark'

const system = window.matchMedia('(prefers-color-scheme: dark)')
const systemDark = ref(system.matches)
system.addEventListener('change', (event) => (systemDark.value = event.matches))

const chosen = ref<Theme | null>(read())

function read(): Theme | null {
  try {
    const kept = localStorage.getItem(KEPT_AS)
    return kept === 'light' || kept === 'dark' ? kept : null
  } catch {
    return null
  }
}

export const isDark = computed(() => (chosen.value ?? (systemDark.value ? 'dark' : 'light')) === 'dark')

export function applyTheme(): void {
  if (chosen.value) document.documentElement.dataset.theme = chosen.value
}

export function toggleTheme(): void {
  chosen.value = isDark.value ? 'light' : 'dark'
  applyTheme()
  try {
    localStorage.setItem(KEPT_AS, chosen.value)
  } catch {
    // The choice lasts for this visit.
  }
}
