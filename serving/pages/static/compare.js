/* Two texts side by side: what both say and what only one says. */
import { make } from "/static/base.js";

const LENGTH = 3; /* characters in a row that count as the same words */
const SILENT = /[\s\p{P}\p{S}]/u;

/* Returns the characters that say something, with where each stands in the text. */
function spoken(text) {
  const chars = [];
  const at = [];
  let position = 0;
  for (const char of text) {
    if (!SILENT.test(char)) {
      chars.push(char.normalize("NFKC").toLowerCase());
      at.push(position);
    }
    position += char.length;
  }
  return { chars, at };
}

function grams(chars) {
  const found = new Set();
  for (let at = 0; at + LENGTH <= chars.length; at += 1) found.add(chars.slice(at, at + LENGTH).join(""));
  return found;
}

/* Returns, for each position of the text, whether the other says it too; null where it is no word. */
function sameness(text, other) {
  const mine = spoken(text);
  const theirs = grams(spoken(other).chars);
  const same = mine.chars.map(() => false);
  for (let at = 0; at + LENGTH <= mine.chars.length; at += 1) {
    if (theirs.has(mine.chars.slice(at, at + LENGTH).join(""))) same.fill(true, at, at + LENGTH);
  }
  const flags = new Array(text.length).fill(null);
  mine.at.forEach((position, number) => { flags[position] = same[number]; });
  return flags;
}

/* Returns a fragment with the text, its words marked as in both or only here. */
export function compared(text, other) {
  const flags = sameness(text, other);
  const fragment = document.createDocumentFragment();
  let start = 0;
  let current = flags.find((flag) => flag !== null) ?? false;
  const close = (end) => {
    if (end > start) fragment.append(make(current ? "mark" : "span", { class: current ? "same" : "differs" }, text.slice(start, end)));
    start = end;
  };
  flags.forEach((flag, at) => {
    if (flag === null || flag === current) return;
    close(at);
    current = flag;
  });
  close(text.length);
  return fragment;
}

/* Returns the share of a text's words that the other says too. */
export function sharedPart(text, other) {
  const flags = sameness(text, other).filter((flag) => flag !== null);
  return flags.length ? flags.filter(Boolean).length / flags.length : 0;
}
