// Sets the theme before the first paint, so that a light-theme reader never sees a dark flash.
(() => {
  try {
    const settings = JSON.parse(localStorage.getItem('plimsoll.settings') ?? '{}');
    const chosen = settings.theme === 'light' || settings.theme === 'dark' ? settings.theme : undefined;
    const light = matchMedia('(prefers-color-scheme: light)').matches;
    document.documentElement.dataset.theme = chosen ?? (light ? 'light' : 'dark');
  } catch {
    document.documentElement.dataset.theme = 'dark';
  }
})();
