"""Where everything lies in the state folder, named once."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class StateFolder:
    """The one folder that holds all state of a deployment (`.labdock/` unless set)."""

    root: Path

    @property
    def database(self) -> Path:
        """The service's SQLite file, where no other database is set."""
        return self.root / "labdock.sqlite"

    @property
    def hub(self) -> Path:
        """JupyterHub's own files: database, cookie secret, proxy's process id."""
        return self.root / "hub"

    @property
    def password(self) -> Path:
        """The login password made at the first start (mode 600)."""
        return self.root / "password"

    @property
    def team_password(self) -> Path:
        """The password of a trusted team's members (mode 600)."""
        return self.root / "team-password"

    @property
    def registry(self) -> Path:
        """What the registry that Labdock runs holds, and its accounts."""
        return self.root / "registry"

    @property
    def registry_password(self) -> Path:
        """The password of the registry that Labdock runs (mode 600)."""
        return self.root / "registry-password"

    @property
    def secret_keys(self) -> Path:
        """The keys that secrets are stored with (mode 600), made when the first is set."""
        return self.root / "secret-keys"

    @property
    def admin_token(self) -> Path:
        """The hub token of Labdock's own commands (mode 600)."""
        return self.run / "admin-token"

    @property
    def environments(self) -> Path:
        """Environments of kind `local`, one folder by digest."""
        return self.root / "environments"

    @property
    def homes(self) -> Path:
        """People's home folders, one by the person's id."""
        return self.root / "homes"

    @property
    def data_roots(self) -> Path:
        """`data` and `projects/NAME`, linked into every home."""
        return self.root / "roots"

    @property
    def blobs(self) -> Path:
        """Contents of source files, by digest."""
        return self.root / "sources"

    def blob(self, digest: str) -> Path:
        """The content of a source file, by its digest (`sha256:` and 64 digits)."""
        return self.blobs / digest.removeprefix("sha256:")

    @property
    def images(self) -> Path:
        """The OCI image layout."""
        return self.root / "images"

    @property
    def layers(self) -> Path:
        """Unpacked layers, by digest."""
        return self.root / "layers"

    @property
    def workers(self) -> Path:
        """The process engine's folders, one a worker."""
        return self.root / "workers"

    @property
    def jobs(self) -> Path:
        """What jobs leave: artifacts, checkpoints, one folder by job id."""
        return self.root / "jobs"

    @property
    def curves(self) -> Path:
        """What jobs draw: a folder by project id, in it one by job id, in it one by attempt."""
        return self.root / "curves"

    @property
    def tensorboard(self) -> Path:
        """What TensorBoards show: a folder by project id, in it by name a link to a job's curves.

        Nothing but the reconciler writes here.
        """
        return self.root / "tensorboard"

    @property
    def models(self) -> Path:
        """Model versions, one folder by id, laid out as model servers want it."""
        return self.root / "models"

    @property
    def backups(self) -> Path:
        """Backups that `labdock up` makes of the databases before it changes their tables."""
        return self.root / "backups"

    @property
    def replaced(self) -> Path:
        """What `labdock restore` put something else in the place of, one folder for each time."""
        return self.root / "replaced"

    @property
    def run(self) -> Path:
        """Process records, wake-up pipes and the router's tables."""
        return self.root / "run"

    @property
    def pulls(self) -> Path:
        """How far the images of environments are fetched, on the Docker engine."""
        return self.run / "images-fetched.json"

    @property
    def networks_lock(self) -> Path:
        """Who takes a network of Docker's away has locked it."""
        return self.run / "networks.lock"

    @property
    def logs(self) -> Path:
        """Logs of Labdock's own processes."""
        return self.root / "logs"

    @property
    def cache(self) -> Path:
        """What can be made again: locks, what was packaged before, half-made layers."""
        return self.root / "cache"

    @property
    def uv_cache(self) -> Path:
        """uv's cache, on the layers' file system so that it can link instead of copying."""
        return self.cache / "uv"
