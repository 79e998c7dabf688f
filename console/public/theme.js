// Before the first paint, and a file of its own because the page allows no inline script: the theme that was chosen.
{
  const theme = localStorage.getItem("holdfast.theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
}
