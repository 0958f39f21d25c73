"use strict";
document.documentElement.classList.add("js");
// Only what is in view plays: dozens of decoders at once would stall a laptop.
const seen = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    if (isIntersecting) target.play().catch(() => { target.controls = true; });
    else target.pause();
  }
});
const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
for (const video of document.querySelectorAll("video")) {
  if (still) video.controls = true;
  else seen.observe(video);
}
for (const box of document.querySelectorAll(".weights")) {
  const figures = box.querySelectorAll("figure");
  const range = box.querySelector("input");
  const output = box.querySelector("output");
  const show = () => {
    figures.forEach((figure, index) => { figure.hidden = index !== Number(range.value); });
    output.value = figures[range.value].dataset.weight;
  };
  range.addEventListener("input", show);
  show();
}
