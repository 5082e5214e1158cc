// Titles while typing, as the browser's own list.

const PAUSE_MS = 180;

export function start(input) {
  let timer = 0;
  let asking = new AbortController();
  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(fill, PAUSE_MS);
  });

  async function fill() {
    asking.abort();
    asking = new AbortController();
    const query = input.value.trim();
    if (query.length < 2) return;
    try {
      const answer = await fetch(`${input.dataset.suggest}?${new URLSearchParams({ q: query })}`, { signal: asking.signal });
      if (!answer.ok) return;
      const titles = await answer.json();
      input.list.replaceChildren(...titles.map((title) => Object.assign(document.createElement("option"), { value: title })));
    } catch (error) {
      if (error.name !== "AbortError") input.list.replaceChildren();
    }
  }
}
