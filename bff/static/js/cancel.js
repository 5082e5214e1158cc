// Tells what goes back while tickets are being chosen; the button's page says the same.

const PAUSE_MS = 150;

export function start(form) {
  const sums = form.querySelector("[data-sums]");
  let asking = new AbortController();
  let timer = 0;

  form.addEventListener("change", () => {
    clearTimeout(timer);
    timer = setTimeout(refresh, PAUSE_MS);
  });
  refresh();

  async function refresh() {
    asking.abort();
    asking = new AbortController();
    const query = new URLSearchParams(new FormData(form));
    if (!query.has("seat")) {
      sums.replaceChildren();
      return;
    }
    query.set("part", "sums");
    try {
      const answer = await fetch(`${form.action}?${query}`, { signal: asking.signal });
      if (answer.status === 200) sums.innerHTML = await answer.text();
      else sums.replaceChildren();
    } catch (error) {
      if (error.name !== "AbortError") sums.replaceChildren();
    }
  }
}
