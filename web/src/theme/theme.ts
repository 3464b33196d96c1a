/** Light and dark: what a person chose, else what the screen is made for, else what the system says. */
import { computed, ref } from 'vue'

const KEPT_AS = 'mingjian.theme'
type Theme = 'light' | 'dark'

const system = window.matchMedia('(prefers-color-scheme: dark)')
const systemDark = ref(system.matches)
system.addEventListener('change', (event) => (systemDark.value = event.matches))

const chosen = ref<Theme | null>(read())
const madeFor = ref<Theme | null>(null)

function read(): Theme | null {
  try {
    const kept = localStorage.getItem(KEPT_AS)
    return kept === 'light' || kept === 'dark' ? kept : null
  } catch {
    return null
  }
}

export const isDark = computed(
  () => (chosen.value ?? madeFor.value ?? (systemDark.value ? 'dark' : 'light')) === 'dark',
)

export function applyTheme(): void {
  const theme = chosen.value ?? madeFor.value
  if (theme) document.documentElement.dataset.theme = theme
  else delete document.documentElement.dataset.theme
}

/** A screen that is made for one theme, such as the floor on a wall, says so while it is shown. */
export function screenTheme(theme: unknown): void {
  madeFor.value = theme === 'dark' || theme === 'light' ? theme : null
  applyTheme()
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
