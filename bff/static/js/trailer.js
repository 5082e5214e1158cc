// A trailer in the page. Nothing is fetched from the video site before the click.

export function start(box) {
  if (!box.dataset.trailer) return;
  box.querySelector("a").addEventListener("click", (event) => {
    event.preventDefault();
    const frame = document.createElement("iframe");
    frame.src = box.dataset.trailer;
    frame.title = box.dataset.title;
    frame.className = "trailer";
    frame.allow = "fullscreen";
    frame.referrerPolicy = "strict-origin-when-cross-origin";
    frame.setAttribute("sandbox", "allow-scripts allow-same-origin allow-presentation");
    box.replaceChildren(frame);
    frame.focus();
  });
}
