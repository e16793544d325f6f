"use strict";

const { prefix, xsrf } = document.body.dataset;
const live = document.getElementById("live");
const state = document.getElementById("state");
const headers = { "X-XSRFToken": xsrf };
let refreshing = false;
let again = false;

async function refresh() {
  if (refreshing || document.hidden) {
    again = true;
    return;
  }
  refreshing = true;
  again = false;
  try {
    const answer = await fetch(`${prefix}admin/live`, { headers });
    if (answer.status === 401 || answer.status === 403) {
      location.reload();
    } else if (answer.ok) {
      show(await answer.text());
    }
  } catch {
    // the stream tells when the service is back
  }
  refreshing = false;
  if (again && !document.hidden) {
    refresh();
  }
}

function show(html) {
  const focused = document.activeElement?.id;
  live.innerHTML = html;
  if (focused) {
    document.getElementById(focused)?.focus();
  }
}

live.addEventListener("click", async (event) => {
  const { stop, lost } = event.target.dataset;
  if (stop === undefined || (lost && !confirm(`${event.target.ariaLabel}? ${lost}`))) {
    return;
  }
  event.target.disabled = true;
  const answer = await fetch(`${prefix}api/admin/${stop}`, { method: "POST", headers });
  state.textContent = answer.ok ? "It is being stopped." : (await answer.json()).detail;
  refresh();
});

async function follow() {
  const answer = await fetch(`${prefix}api/admin/changes`, { headers });
  if (!answer.ok) {
    throw new Error(answer.status);
  }
  state.textContent = "Live";
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    if (part.value.includes("event: look")) {
      refresh();
    }
  }
}

async function keepFollowing() {
  for (;;) {
    try {
      await follow();
    } catch {
      state.textContent = "Connecting again …";
    }
    await new Promise((resolve) => setTimeout(resolve, 2000));
  }
}

document.addEventListener("visibilitychange", () => {
  if (again) {
    refresh();
  }
});
keepFollowing();
