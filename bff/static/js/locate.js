// "Use my location": asks the browser, and sends the position only then.

export function start(form) {
  if (!navigator.geolocation) return;
  form.hidden = false;
  form.addEventListener("submit", (event) => {
    if (form.latitude.value) return;
    event.preventDefault();
    navigator.geolocation.getCurrentPosition(
      ({ coords }) => {
        form.latitude.value = coords.latitude.toFixed(4);
        form.longitude.value = coords.longitude.toFixed(4);
        form.submit();
      },
      () => { form.querySelector("[role=status]").textContent = form.dataset.problem; },
      { timeout: 10000, maximumAge: 600000 },
    );
  });
}
