// Makes pages live. Every page works without it; each module is loaded only where it is used.

const on = (selector, use) => document.querySelectorAll(selector).forEach(use);
const load = (name) => (element) => import(`./${name}.js`).then((module) => module.start(element));

on("#seats-form", load("seats"));
on("[data-countdown]", load("countdown"));
on("[data-cancel]", load("cancel"));
on("[data-watch]", load("watch"));
on("[data-fresh]", load("fresh"));
on("[data-locate]", load("locate"));
on("[data-suggest]", load("suggest"));
on("[data-trailer]", load("trailer"));

on("form[data-submit-on-change]", (form) =>
  form.addEventListener("change", (event) => {
    if (event.target.matches("select, input[type=checkbox], input[type=date]")) form.requestSubmit();
  }));

on("[data-print]", (button) => {
  button.hidden = false;
  button.addEventListener("click", () => window.print());
});
