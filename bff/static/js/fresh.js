// Tickets in a tab that was left open: looked at again whenever somebody comes back to it, for the show may have
// been moved or cancelled. Where there is no network, as at many a door, the tickets stay as they are.

export function start(box) {
  let looking = false;
  document.addEventListener("visibilitychange", async () => {
    if (document.hidden || looking) return;
    looking = true;
    if (await outdated(box.dataset.version)) location.reload();
    looking = false;
  });
}

async function outdated(shown) {
  try {
    const answer = await fetch(location.href, { signal: AbortSignal.timeout(10_000) });
    if (!answer.ok) return false;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    return page.querySelector("[data-fresh]")?.dataset.version !== shown;
  } catch {
    return false;
  }
}
