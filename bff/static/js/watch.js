// The waiting page: loads itself again as soon as the booking changed.

export function start(box) {
  const shown = Number(box.dataset.version);
  const source = new EventSource(box.dataset.watch);
  source.addEventListener("booking", (event) => {
    if (JSON.parse(event.data).version !== shown) {
      source.close();
      location.reload();
    }
  });
  source.addEventListener("error", () => {
    // A closed source is one that the browser will not open again by itself.
    if (source.readyState === EventSource.CLOSED) setTimeout(() => location.reload(), 4000);
  });
  window.addEventListener("pagehide", () => source.close());
}
