"use strict";

const { prefix, xsrf } = document.body.dataset;
const live = document.getElementById("live");
const state = document.getElementById("state");
const waits = document.getElementById("wait");
const again = document.getElementById("again");
const headers = { "X-XSRFToken": xsrf };
const rows = new URLSearchParams();
const PAUSE = 500;
const SHORTEST = 1000;
const LONGEST = 30000;
const SILENCE = 45000;
let asked = false;
let drawing = false;

const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Draw it anew, at most twice a second: what is asked for meanwhile is one more drawing. */
async function refresh() {
  asked = true;
  if (drawing) {
    return;
  }
  drawing = true;
  while (asked && !document.hidden) {
    asked = false;
    await draw();
    await sleep(PAUSE);
  }
  drawing = false;
}

async function draw() {
  try {
    const answer = await fetch(`${prefix}admin/live?${rows}`, { headers });
    if (answer.status === 401 || answer.status === 403) {
      location.reload();
    } else if (answer.ok) {
      show(await answer.text());
    }
  } catch {
    // the stream tells when the service is back
  }
}

/** Who was at something that is gone goes on at the head of its part. */
function show(html) {
  const focused = document.activeElement;
  const part = focused?.closest("section");
  patch(live, html);
  if (part && !focused.isConnected) {
    part.querySelector("h2")?.focus();
  }
}

live.addEventListener("click", (event) => {
  const { stop, lost, more } = event.target.dataset;
  if (more !== undefined) {
    rows.set(more, event.target.dataset.rows);
    refresh();
  } else if (stop !== undefined && confirm(`${event.target.ariaLabel}? ${lost}`)) {
    order(stop);
  }
});

async function order(stop) {
  try {
    const answer = await fetch(`${prefix}api/admin/${stop}`, { method: "POST", headers });
    state.textContent = answer.ok ? "It is being stopped." : (await answer.json()).detail;
  } catch {
    state.textContent = "Labdock does not answer: nothing was stopped.";
  }
  refresh();
}

/** Hear of changes, until the stream ends. Throws where it breaks, or falls silent. */
async function follow() {
  const control = new AbortController();
  const heard = () => setTimeout(() => control.abort(), SILENCE);
  let silent = heard();
  try {
    const answer = await fetch(`${prefix}api/admin/changes`, { headers, signal: control.signal });
    if (!answer.ok) {
      throw new Error(answer.status);
    }
    state.textContent = "Live";
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      clearTimeout(silent);
      silent = heard();
      if (part.value.includes("event: look")) {
        refresh();
      }
    }
  } finally {
    clearTimeout(silent);
  }
}

async function keepFollowing() {
  let delay = SHORTEST;
  for (;;) {
    try {
      await follow();
      await sleep(SHORTEST);
      delay = SHORTEST;
    } catch {
      state.textContent = "Labdock does not answer: what is shown may be out of date.";
      const woken = await rest(delay);
      delay = woken ? SHORTEST : Math.min(2 * delay, LONGEST);
    }
  }
}

/** Count down, or be told not to wait: then it is true. */
async function rest(milliseconds) {
  const until = Date.now() + milliseconds;
  const say = () => {
    waits.textContent = `It tries again in ${Math.max(1, Math.ceil((until - Date.now()) / 1000))} s.`;
  };
  say();
  again.hidden = false;
  const timer = setInterval(say, 1000);
  const pressed = new Promise((resolve) => {
    again.onclick = () => resolve(true);
    window.ononline = () => resolve(true);
  });
  const woken = await Promise.race([pressed, sleep(milliseconds).then(() => false)]);
  clearInterval(timer);
  waits.textContent = "";
  again.hidden = true;
  return woken;
}

document.addEventListener("visibilitychange", () => {
  if (asked) {
    refresh();
  }
});
keepFollowing();
