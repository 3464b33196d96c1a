import { createPinia } from 'pinia'
import { createApp } from 'vue'
import App from './App.vue'
import { i18n, preferredLocale, setLocale } from './i18n'
import { router } from './router'
import { applyTheme } from './theme/theme'
import './theme/tokens.css'
import './theme/element.css'
import './theme/base.css'

applyTheme()
await setLocale(preferredLocale())

// Invented data for work on the screens; `import.meta.env.DEV` is false in a build and takes the branch and its files away.
if (import.meta.env.DEV && new URLSearchParams(location.search).has('fixtures')) {
  const [{ useSource }, { fixtures }] = await Promise.all([import('./api/source'), import('./fixtures')])
  useSource(fixtures())
}

createApp(App).use(createPinia()).use(i18n).use(router).mount('#app')
