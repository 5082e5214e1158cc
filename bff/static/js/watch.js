// The waiting page: loads itself again as soon as the booking changed.

export function start(box) {
  const shown = Number(box.dataset.version);
  const source = new EventSource(box.dataset.watch);
  let later;
  source.addEventListener("booking", (event) => {
    const { version, state } = JSON.parse(event.data);
    if (version === shown) return;
    clearTimeout(later);
    // What is paid is mostly confirmed a moment later: then one page is enough.
    later = setTimeout(() => location.reload(), state === "paid" ? 1000 : 0);
  });
  source.addEventListener("error", () => {
    // A closed source is one that the browser will not open again by itself.
    if (source.readyState === EventSource.CLOSED) setTimeout(() => location.reload(), 4000);
  });
  window.addEventListener("pagehide", () => source.close());
}
