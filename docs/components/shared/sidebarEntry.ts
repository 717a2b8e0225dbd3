import { nextTick } from 'vue';

/** Bring the sidebar's entry of the open page into view, and leave the page where it is. */
export async function showActiveEntry(): Promise<void> {
  await nextTick();
  const sidebar = document.querySelector('.VPSidebar');
  const entry = sidebar?.querySelector('.is-active.is-link > .item');
  if (!sidebar || !entry) return;
  const [frame, box] = [sidebar.getBoundingClientRect(), entry.getBoundingClientRect()];
  // The site's name covers the sidebar's top.
  const top = Math.max(
    frame.top,
    document.querySelector('.VPNav')?.getBoundingClientRect().bottom ?? 0,
  );
  if (box.top >= top && box.bottom <= frame.bottom) return;
  sidebar.scrollTop += box.top - (top + frame.bottom) / 2;
}
