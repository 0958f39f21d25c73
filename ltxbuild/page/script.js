"use strict";
// A film that is shown twice is stored once: the second element takes the first one's source.
for (const film of document.querySelectorAll("video[data-same]")) {
  const first = document.getElementById(film.dataset.same);
  if (first) film.src = first.src;
}
const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
const films = [...document.querySelectorAll("video")];
const seen = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    if (entry.isIntersecting && !still) entry.target.play().catch(() => {});
    else entry.target.pause();
  }
}, { threshold: 0.2 });
for (const film of films) {
  // Controls would cover small films: they appear while the film is pointed at or focused.
  film.controls = false;
  film.tabIndex = 0;
  for (const name of ["pointerenter", "focus"]) film.addEventListener(name, () => { film.controls = true; });
  for (const name of ["pointerleave", "blur"]) film.addEventListener(name, () => { film.controls = false; });
  seen.observe(film);
}
for (const choice of document.querySelectorAll(".slider input")) {
  choice.addEventListener("change", () => {
    const stack = [...choice.closest(".slider").querySelectorAll("video")];
    const time = Math.max(0, ...stack.map((film) => film.currentTime));
    // Weights are compared at the same moment of the film.
    for (const film of stack) if (film.duration) film.currentTime = time % film.duration;
  });
}
