/* The page that tries a report: nothing is stored. */
import { WORDS, bullets, byId, call, heedKey, make, named, percent, say } from "/static/base.js";
import { dutiesView, predictionView } from "/static/prediction_view.js";
import { reportText, when } from "/static/report_view.js";

const form = byId("try-form");
const section = byId("answer");

/* datetime-local has no offset; the desk's own is added. */
function withOffset(local) {
  const minutes = -new Date(local).getTimezoneOffset();
  const two = (number) => String(Math.trunc(Math.abs(number))).padStart(2, "0");
  return (local.length === 16 ? local + ":00" : local) + (minutes < 0 ? "-" : "+") + two(minutes / 60) + ":" + two(minutes % 60);
}

function report() {
  const sent = { text: form.text.value };
  if (form.title.value.trim()) sent.title = form.title.value;
  if (form.region.value) sent.region = form.region.value;
  if (form.channel.value) sent.channel = form.channel.value;
  if (form.received.value) sent.received_at = withOffset(form.received.value);
  return sent;
}

function decision(found) {
  const review = found.decision.route === "review";
  return make("p", { class: review ? "why" : "good" }, review ? "需人工复核：" + named(found.decision.reasons, WORDS.decision) : "可自动派单");
}

function duplicates(found) {
  if (!found.matches.length) return null;
  const lines = found.matches.map((one) => one.id + " " + one.title + "（" + [when(one.received_at), percent(one.score), named(one.reasons, WORDS.duplicate)].filter(Boolean).join("，") + "）");
  return make("div", { class: "field" }, make("h3", null, found.of ? "与已有诉求重复" : "可能相关的已有诉求"), make("div", { class: "content" }, bullets(lines)));
}

async function send(event) {
  event.preventDefault();
  const button = form.querySelector("button");
  button.disabled = true;
  say("");
  try {
    const sent = report();
    const found = await call("/pages/predict", sent);
    section.replaceChildren(make("h2", null, "结果"), decision(found), ...reportText(sent, found), predictionView(found, null),
                            make("h3", null, "职责依据"), dutiesView(found.lead_department), duplicates(found.duplicate) || "");
    section.hidden = false;
    section.focus();
  } catch (error) {
    say(error.message);
  } finally {
    button.disabled = false;
  }
}

heedKey(() => null);
form.addEventListener("submit", send);
form.text.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && event.ctrlKey && !event.isComposing) form.requestSubmit();
});
