/* Search over the categories and departments: by code, by part of the name, by words of the scope. */
const clean = (text) => text.normalize("NFKC").toLowerCase().trim();

/* Returns how well one term fits a choice, the lower the better; null where it does not. */
function fit(choice, term) {
  const code = clean(choice.value);
  const name = clean(choice.name);
  if (code === term) return 0;
  if (code.startsWith(term)) return 1;
  if (name.startsWith(term)) return 2;
  if (name.includes(term)) return 3;
  if (clean(choice.group || "").includes(term)) return 4;
  if (choice.aliases && choice.aliases.some((alias) => clean(alias).includes(term))) return 5;
  return clean(choice.scope || "").includes(term) ? 6 : null;
}

/* Returns the choices that fit every term, the best first; those suggested come first where nothing is sought. */
export function search(choices, sought, suggested = []) {
  const terms = clean(sought).split(/\s+/).filter(Boolean);
  const place = (choice) => (suggested.includes(choice.value) ? suggested.indexOf(choice.value) : suggested.length);
  const found = [];
  for (const choice of choices) {
    const fits = terms.map((term) => fit(choice, term));
    if (!fits.includes(null)) found.push({ choice, fit: fits.reduce((sum, one) => sum + one, 0) });
  }
  found.sort((one, other) => one.fit - other.fit || place(one.choice) - place(other.choice));
  return found.map((one) => one.choice);
}
