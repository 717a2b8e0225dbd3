import { nextTick, type Ref, type WatchSource, watch } from 'vue';

/** Where buttons take each other's place, keep the keyboard's focus with the first of those that are there next. */
export function keepFocus(buttons: Ref<HTMLElement | undefined>, changes: WatchSource): void {
  watch(changes, async () => {
    if (!buttons.value?.contains(document.activeElement)) return;
    await nextTick();
    if (!buttons.value?.contains(document.activeElement))
      buttons.value?.querySelector('button')?.focus();
  });
}
