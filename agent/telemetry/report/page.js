const audio = document.querySelector("audio");
const wave = document.querySelector(".wave");
const head = document.querySelector(".head");
const seconds = Number(wave.dataset.seconds);

// As a Blob, in pieces: Firefox plays no data: address of more than 32 MB, which is four minutes.
const sound = document.getElementById("sound").textContent;
const parts = [];
for (let at = 0; at < sound.length; at += 4_000_000) {
  parts.push(Uint8Array.from(atob(sound.slice(at, at + 4_000_000)), (c) => c.charCodeAt(0)));
}
audio.src = URL.createObjectURL(new Blob(parts, { type: "audio/wav" }));

function play(at) {
  audio.currentTime = at;
  audio.play();
}

for (const button of document.querySelectorAll("[data-at]")) {
  button.addEventListener("click", () => play(Number(button.dataset.at)));
}
wave.addEventListener("click", ({ clientX }) => {
  const { left, width } = wave.getBoundingClientRect();
  play(((clientX - left) / width) * seconds);
});

function draw() {
  head.style.left = `${(100 * audio.currentTime) / seconds}%`;
  requestAnimationFrame(draw);
}
draw();
