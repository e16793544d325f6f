// Says in JupyterLab, before it happens, that a server that nobody uses will be stopped.
// Idle is what labdock_service/people/idleness.py calls so. Plain JavaScript: nothing builds it.
(() => {
  const WARNED = 0.9; // of the time until the server is stopped
  const options = () => JSON.parse(document.getElementById("jupyter-config-data").textContent);

  const ask = async (base, what) => {
    const token = /(?:^|; )_xsrf=([^;]*)/.exec(document.cookie);
    const headers = { "X-XSRFToken": token ? token[1] : "" };
    const answer = await fetch(`${base}api/${what}?no_track_activity=1`, { headers });
    if (!answer.ok) {
      throw new Error(`${what}: ${answer.status}`); // what is shown stays as it is
    }
    const now = Date.parse(answer.headers.get("Date")) || Date.now();
    return { body: await answer.json(), now };
  };

  // What was used last is kept: a kernel that was closed is in no answer any more.
  const remember = (base, started, used) => {
    const key = `labdock-idle:${base}`;
    const kept = JSON.parse(localStorage.getItem(key) || "{}");
    const last = kept.started === started ? Math.max(kept.used, used) : used;
    localStorage.setItem(key, JSON.stringify({ started, used: last }));
    return last;
  };

  // By the server's clock: a browser's may be wrong.
  const idleSeconds = async base => {
    const asked = ["status", "kernels", "terminals"].map(what => ask(base, what));
    const [{ body: status, now }, { body: kernels }, { body: terminals }] = await Promise.all(asked);
    const busy = kernels.some(kernel => kernel.execution_state === "busy");
    const times = [...kernels, ...terminals].map(used => Date.parse(used.last_activity));
    const used = busy ? now : Math.max(Date.parse(status.started), ...times);
    return Math.max(0, now - remember(base, status.started, used)) / 1000;
  };

  const activate = app => {
    const { baseUrl, labdockIdleSeconds } = options();
    const limit = Number(labdockIdleSeconds);
    if (!limit) {
      return;
    }
    let shown = null;
    const look = async () => {
      const idle = await idleSeconds(baseUrl);
      if (idle < limit * WARNED) {
        if (shown) {
          app.commands.execute("apputils:dismiss-notification", { id: await shown });
          shown = null;
        }
      } else if (!shown) {
        const end = new Date(Date.now() + Math.max(0, limit - idle) * 1000);
        const time = end.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
        shown = app.commands.execute("apputils:notify", {
          message: `Nothing has run here for a while: this server stops at ${time}. Run a cell to keep it.`,
          type: "warning",
          options: { autoClose: false }
        });
      }
    };
    setInterval(() => look().catch(() => undefined), Math.min(30, limit / 20) * 1000);
  };

  const plugin = { id: "labdock-idle:notice", autoStart: true, activate };
  (window._JUPYTERLAB = window._JUPYTERLAB || {})["labdock-idle"] = {
    init: () => undefined,
    get: async () => () => ({ __esModule: true, default: plugin })
  };
})();
