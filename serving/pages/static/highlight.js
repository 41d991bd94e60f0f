/* A report's text with its elements and keywords marked; each kind has its own sign and line, not only a colour. */
import { danger, make } from "/static/base.js";

/* In the order of importance: where two overlap, the first is marked. `sign` stands before the marked words. */
export const MARKS = [
  { kind: "danger", sign: "危", name: "危险词语" },
  { kind: "place", sign: "地", name: "地点" },
  { kind: "time", sign: "时", name: "时间" },
  { kind: "subject", sign: "人", name: "对象" },
  { kind: "evidence", sign: "证", name: "证据线索" },
];
const UNSEEN = /[\u00ad\u200b-\u200f\u2060\ufeff]/;

/* Returns the text as it is compared (one width, one case, nothing invisible) with where each character came from. */
function folded(text) {
  const chars = [];
  const from = [];
  let at = 0;
  for (const char of text) {
    if (!UNSEEN.test(char)) {
      for (const made of char.normalize("NFKC").toLowerCase()) {
        chars.push(made);
        from.push([at, at + char.length]);
      }
    }
    at += char.length;
  }
  return { chars, from };
}

/* Returns [start, end] in the text of each place where a word stands. */
function places(text, word) {
  const sought = folded(word.trim()).chars;
  if (!sought.length) return [];
  const found = [];
  for (let at = 0; at + sought.length <= text.chars.length; at += 1) {
    if (sought.every((char, step) => text.chars[at + step] === char)) {
      found.push([text.from[at][0], text.from[at + sought.length - 1][1]]);
      at += sought.length - 1;
    }
  }
  return found;
}

const overlaps = (spans, start, end) => spans.some((span) => start < span.end && span.start < end);

/* Returns the spans of words of several kinds, none over another, in order; `wanted` is [kind, word] by importance. */
function spansOf(text, wanted) {
  const spans = [];
  for (const [kind, word] of wanted) {
    for (const [start, end] of places(text, word)) {
      if (!overlaps(spans, start, end)) spans.push({ kind, start, end });
    }
  }
  return spans.sort((one, other) => one.start - other.start);
}

const longestFirst = (words) => [...words].sort((one, other) => other.length - one.length);

/* Returns [kind, word] of a prediction's elements, the most important first. */
function elementWords(prediction) {
  const { places: where, times, subjects, evidence } = prediction.elements;
  const words = { danger: prediction.urgency.reasons.map((reason) => danger(reason)[1]), place: where, time: times,
                  subject: subjects, evidence };
  return MARKS.flatMap(({ kind }) => longestFirst(words[kind]).map((word) => [kind, word]));
}

/* Appends the text from start to end, its keywords marked. */
function appendKeywords(parent, text, start, end, keywords) {
  let at = start;
  for (const span of keywords) {
    const from = Math.max(span.start, at);
    const to = Math.min(span.end, end);
    if (from >= to) continue;
    parent.append(text.slice(at, from), make("span", { class: "keyword" }, text.slice(from, to)));
    at = to;
  }
  parent.append(text.slice(at, end));
}

/* Returns a fragment with the whole text, and the kinds that were found in it. */
export function highlighted(text, prediction) {
  const searched = folded(text);
  const elements = spansOf(searched, elementWords(prediction));
  const keywords = spansOf(searched, longestFirst(prediction.keywords).map((word) => ["keyword", word]));
  const fragment = document.createDocumentFragment();
  let at = 0;
  for (const span of elements) {
    appendKeywords(fragment, text, at, span.start, keywords);
    const { sign, name } = MARKS.find((mark) => mark.kind === span.kind);
    const marked = make("mark", { class: "mark " + span.kind, title: name, "data-sign": sign });
    appendKeywords(marked, text, span.start, span.end, keywords);
    fragment.append(marked);
    at = span.end;
  }
  appendKeywords(fragment, text, at, text.length, keywords);
  const kinds = new Set(elements.map((span) => span.kind));
  if (keywords.length) kinds.add("keyword");
  return { fragment, kinds };
}

/* Returns the key to the signs that a text shows. */
export function legend(kinds) {
  const list = make("ul", { class: "legend", "aria-label": "标记说明" });
  for (const { kind, sign, name } of MARKS) {
    if (kinds.has(kind)) list.append(make("li", null, make("span", { class: "mark " + kind, "data-sign": sign }, name)));
  }
  if (kinds.has("keyword")) list.append(make("li", null, make("span", { class: "keyword" }, "关键词")));
  return list;
}
