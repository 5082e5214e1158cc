// The time left to pay, counted by this machine's steady clock from what the server said.

const TOLD_AT = [240, 180, 120, 60, 30];

export function start(box) {
  const total = Number(box.dataset.countdown);
  const began = performance.now();
  const digits = box.querySelector(".left");
  const words = box.querySelector("[data-countdown-words]");
  let told = total;

  const timer = setInterval(tick, 250);
  tick();

  function tick() {
    const left = Math.max(0, Math.ceil(total - (performance.now() - began) / 1000));
    const text = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
    if (digits.textContent !== text) digits.textContent = text;
    box.classList.toggle("late", left <= 60);
    const due = TOLD_AT.find((second) => left <= second && told > second);
    if (due !== undefined) {
      words.textContent = box.dataset.words.replace("{time}", text);
      told = left;
    }
    if (left === 0) {
      clearInterval(timer);
      setTimeout(() => location.reload(), 1500); // the server's word on what became of the booking
    }
  }
}
