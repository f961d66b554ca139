/**
 * A page that the browser kept whole and shows again with Back is read anew: its session may have ended meanwhile.
 * An invitation link followed while its page is open changes only the fragment, and is read anew too.
 */
export function reloadStalePages(): void {
  window.addEventListener("pageshow", (event) => {
    if (!event.persisted) return;
    document.documentElement.hidden = true;
    window.location.reload();
  });
  window.addEventListener("hashchange", () => {
    if (window.location.pathname === "/activate" && window.location.hash.startsWith("#token=")) window.location.reload();
  });
}
