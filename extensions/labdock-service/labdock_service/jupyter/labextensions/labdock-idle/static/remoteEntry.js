// Says in JupyterLab, before it happens, that a server that nobody uses will be stopped.
// Idle is what labdock_service/idleness.py calls so. Plain JavaScript: nothing builds it.
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
    return answer.json();
  };

  const idleSeconds = async base => {
    const [kernels, terminals] = await Promise.all([ask(base, "kernels"), ask(base, "terminals")]);
    if (kernels.some(kernel => kernel.execution_state === "busy")) {
      return 0;
    }
    const times = [...kernels, ...terminals].map(used => Date.parse(used.last_activity));
    return times.length ? (Date.now() - Math.max(...times)) / 1000 : 0;
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
