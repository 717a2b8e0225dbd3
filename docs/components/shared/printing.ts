/** Print in light colours: paper is white, and a printer leaves the dark background out. */
export function printInLight(): void {
  const { classList } = document.documentElement;
  let wasDark = false;
  window.addEventListener('beforeprint', () => {
    wasDark = classList.contains('dark');
    classList.remove('dark');
  });
  window.addEventListener('afterprint', () => {
    if (wasDark) classList.add('dark');
  });
}
