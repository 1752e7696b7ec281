/* A link to give out is selected whole as soon as it is gone to, ready to be copied. */
document.addEventListener("focusin", ({ target }) => {
  if (target.matches("input.link")) target.select();
});
