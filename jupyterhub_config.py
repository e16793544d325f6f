"""The deployment: what JupyterHub does here, and why.

What is yours to choose (ports, logins, projects, limits) is in labdock.toml. This file holds
the choices that are the same everywhere, and then lets `configure` set what depends on the
settings and the machine: addresses, login, people and projects, spawner, services, roles.
"""

from labdock_service.hub import configure
from labdock_service.settings import load_settings

c = get_config()  # type: ignore[name-defined]  # noqa: F821  JupyterHub defines it where it reads this file

# People's servers are left running when the hub ends, and found again when it starts: an
# update of the hub loses nobody's kernels. `make down` ends them.
c.JupyterHub.cleanup_servers = False

# The hub's own database follows the hub's version, with a copy kept of the old one.
c.JupyterHub.upgrade_db = True

# The proxy is JupyterHub's configurable-http-proxy; it ends with the hub and a left-over of
# a killed hub is replaced, so that no process is without a record.
c.JupyterHub.cleanup_proxy = True

# A laptop that also trains may take its time to start a server.
c.Spawner.start_timeout = 120
c.Spawner.http_timeout = 120

# A server that ended by itself shows as ended soon.
c.Spawner.poll_interval = 10

# People land in JupyterLab, in their home, where the `welcome` folder is.
c.Spawner.default_url = "/lab"
c.Spawner.ip = "127.0.0.1"

configure(c, load_settings())
