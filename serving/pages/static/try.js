"use strict";
document.addEventListener("DOMContentLoaded", () => {
  const form = Fenzhuan.byId("try-form");
  const section = Fenzhuan.byId("answer");

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

  async function send(event) {
    event.preventDefault();
    const button = form.querySelector("button");
    button.disabled = true;
    Fenzhuan.say("");
    try {
      const found = await Fenzhuan.call("/pages/predict", report());
      section.replaceChildren(Fenzhuan.make("h2", "结果"), Fenzhuan.answer(found));
      section.className = "card";
      section.hidden = false;
      section.focus();
    } catch (error) {
      Fenzhuan.say(error.message);
    } finally {
      button.disabled = false;
    }
  }

  form.addEventListener("submit", send);
});
