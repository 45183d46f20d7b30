// What a visitor has chosen, kept from one visit to the next where the browser keeps anything.

/** @returns {string | null} */
export function kept(name) {
  try {
    return localStorage.getItem(`parley.${name}`);
  } catch {
    return null;
  }
}

export function keep(name, value) {
  try {
    localStorage.setItem(`parley.${name}`, value);
  } catch {
    // The next visit begins as the first did.
  }
}

/** A switch that is as it was left at the last visit; one that is on at the first is `usual`. */
export function remembered(checkbox, use, usual = false) {
  checkbox.checked = (kept(checkbox.id) ?? (usual ? "on" : "off")) === "on";
  checkbox.addEventListener("change", () => {
    keep(checkbox.id, checkbox.checked ? "on" : "off");
    use(checkbox.checked);
  });
  use(checkbox.checked);
}
