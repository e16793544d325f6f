"use strict";

const { prefix, xsrf, last } = document.body.dataset;
const live = document.getElementById("live");
const state = document.getElementById("state");
const headers = { "X-XSRFToken": xsrf };
let refreshing = false;
let again = false;

async function refresh() {
  if (refreshing) {
    again = true;
    return;
  }
  refreshing = true;
  try {
    const answer = await fetch(`${prefix}live`, { headers });
    if (answer.status === 401 || answer.status === 403) {
      location.reload();
    } else if (answer.ok) {
      live.innerHTML = await answer.text();
    }
  } catch {
    // the stream tells when the service is back
  }
  refreshing = false;
  if (again) {
    again = false;
    setTimeout(refresh, 300);
  }
}

live.addEventListener("click", async (event) => {
  const job = event.target.dataset.stop;
  if (job === undefined) {
    return;
  }
  event.target.disabled = true;
  const answer = await fetch(`${prefix}api/jobs/${job}/stop`, { method: "POST", headers });
  if (!answer.ok) {
    state.textContent = (await answer.json()).detail;
  }
});

async function follow(after) {
  const headers = { "X-XSRFToken": xsrf, "Last-Event-ID": after };
  const answer = await fetch(`${prefix}api/events?follow=1`, { headers });
  if (!answer.ok) {
    throw new Error(answer.status);
  }
  state.textContent = "Live";
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    const numbers = part.value.match(/^id: \d+/gm);
    if (numbers) {
      after = numbers.at(-1).slice(4);
      refresh();
    }
  }
  return after;
}

async function keepFollowing() {
  let after = last;
  for (;;) {
    try {
      after = await follow(after);
    } catch {
      state.textContent = "Connecting again …";
    }
    await new Promise((resolve) => setTimeout(resolve, 2000));
    refresh();
  }
}

keepFollowing();
