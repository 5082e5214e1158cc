// The seat map: live changes, the price as seats are chosen, and arrow keys.

const STATES = { f: "free", h: "held", s: "sold", b: "blocked" };
const QUOTE_PAUSE_MS = 150;

export function start(form) {
  const seats = [...form.querySelectorAll("input[name=seat]")];
  const byIndex = new Map(seats.map((seat) => [Number(seat.dataset.i), seat]));
  const status = form.querySelector("[data-seats]");
  const news = form.querySelector("[data-news]");
  const lines = form.querySelector("[data-quote-lines]");
  const limit = Number(form.dataset.limit);
  const list = new Intl.ListFormat(document.documentElement.lang);

  form.querySelector("[data-price]").hidden = true;
  centre(form.querySelector(".stage"));
  priceAsChosen(form, seats, { status, news, lines, limit, list });
  walkByArrows(form, seats);
  if (form.dataset.live) follow(form, byIndex, news);
}

function centre(stage) {
  if (!location.search) stage.scrollLeft = (stage.scrollWidth - stage.clientWidth) / 2;
  else stage.querySelector(":checked")?.scrollIntoView({ block: "nearest", inline: "center" });
}

function chosen(seats) {
  return seats.filter((seat) => seat.checked && !seat.disabled);
}

function priceAsChosen(form, seats, { status, news, lines, limit, list }) {
  const idle = status.textContent;
  let asking = new AbortController();
  let timer = 0;

  form.addEventListener("change", (event) => {
    if (event.target.name !== "seat") return;
    if (chosen(seats).length > limit) {
      event.target.checked = false;
      news.textContent = form.dataset.limitText;
      return;
    }
    if (event.isTrusted) news.textContent = "";
    clearTimeout(timer);
    timer = setTimeout(refresh, QUOTE_PAUSE_MS);
  });

  async function refresh() {
    asking.abort();
    asking = new AbortController();
    const ids = chosen(seats).map((seat) => seat.value);
    status.textContent = ids.length ? list.format(ids) : idle;
    if (!ids.length) {
      lines.hidden = true;
      return;
    }
    const query = new URLSearchParams(ids.map((id) => ["seat", id]));
    try {
      const answer = await fetch(`${form.dataset.quote}?${query}`, { signal: asking.signal });
      if (answer.status !== 200) return;
      lines.innerHTML = await answer.text();
      lines.hidden = false;
    } catch (error) {
      if (error.name !== "AbortError") lines.hidden = true; // holding shows the price all the same
    }
  }
}

function follow(form, byIndex, news) {
  const source = new EventSource(form.dataset.live);
  let sequence = 0;
  source.addEventListener("snapshot", (event) => {
    const { sequence: now, states } = JSON.parse(event.data);
    sequence = now;
    [...states].forEach((letter, index) => set(index, letter));
  });
  source.addEventListener("delta", (event) => {
    const { sequence: now, changes } = JSON.parse(event.data);
    if (now <= sequence) return;
    sequence = now;
    changes.forEach(([index, letter]) => set(index, letter));
  });
  window.addEventListener("pagehide", () => source.close());

  function set(index, letter) {
    const seat = byIndex.get(index);
    const state = STATES[letter];
    if (!seat || seat.parentElement.classList.contains(state)) return;
    const label = seat.parentElement;
    label.classList.remove(...Object.values(STATES));
    label.classList.add(state);
    seat.disabled = state !== "free";
    if (seat.disabled && seat.checked && !form.dataset.sending) {
      seat.checked = false;
      label.classList.add("gone");
      seat.dispatchEvent(new Event("change", { bubbles: true }));
      news.textContent = form.dataset.gone.replace("{seat}", seat.value);
    }
    describe(seat, state, form);
  }

  // Our own hold comes back as an event before the next page does: it is not a seat lost.
  form.addEventListener("submit", () => {
    form.dataset.sending = "1";
    source.close();
  });
}

function describe(seat, state, form) {
  seat.dataset.label ??= seat.dataset.free ?? seat.getAttribute("aria-label");
  const word = form.dataset[state];
  seat.setAttribute("aria-label", word ? `${seat.dataset.label}, ${word}` : seat.dataset.label);
}

function walkByArrows(form, seats) {
  const rows = [...form.querySelectorAll(".row")].map((row) => [...row.querySelectorAll("input[name=seat]")]);
  form.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
    if (!step || !seats.includes(event.target)) return;
    event.preventDefault();
    next(rows, event.target, step, document.dir === "rtl" ? -1 : 1)?.focus();
  });
}

function next(rows, seat, [down, aside], forward) {
  const rowIndex = rows.findIndex((row) => row.includes(seat));
  if (aside) {
    const row = rows[rowIndex];
    for (let i = row.indexOf(seat) + aside * forward; row[i]; i += aside * forward) if (!row[i].disabled) return row[i];
    return null;
  }
  const middle = (element) => element.getBoundingClientRect().left;
  for (let i = rowIndex + down; rows[i]; i += down) {
    const free = rows[i].filter((other) => !other.disabled);
    if (free.length) return free.reduce((a, b) => (Math.abs(middle(a) - middle(seat)) <= Math.abs(middle(b) - middle(seat)) ? a : b));
  }
  return null;
}
