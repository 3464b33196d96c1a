import { onBeforeUnmount, onMounted, ref, type Ref } from 'vue'

/** The width of an element in CSS pixels, so that drawings keep their type size. */
export function useWidth(element: Ref<HTMLElement | null>, initial: number): Ref<number> {
  const width = ref(initial)
  let observer: ResizeObserver | null = null
  onMounted(() => {
    if (!element.value) return
    width.value = element.value.clientWidth || initial
    observer = new ResizeObserver(([entry]) => {
      if (entry && entry.contentRect.width > 0) width.value = Math.round(entry.contentRect.width)
    })
    observer.observe(element.value)
  })
  onBeforeUnmount(() => observer?.disconnect())
  return width
}
