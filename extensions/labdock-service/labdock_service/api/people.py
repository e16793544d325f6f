"""From the hub's user to the person and the projects that the store knows."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool

from labdock.schema import Person, Project
from labdock_service.errors import Conflict
from labdock_service.hubclient import KEPT_SECONDS, Hub, HubUser
from labdock_service.ids import new_id
from labdock_service.names import account_of
from labdock_service.recent import Recent
from labdock_service.settings import Settings
from labdock_service.store import Store, people
from labdock_service.store.tables import ProjectRow


class People:
    """Knows people with their projects: their own, and one for each group of theirs.

    A project's own account has no project but this one.

    A group's project id is kept with the group in the hub, so that a group made anew under
    an old name inherits nothing; where the hub refuses that, the store's name counts.
    """

    def __init__(self, hub: Hub, store: Store, settings: Settings) -> None:
        self._hub = hub
        self._store = store
        self._settings = settings
        self._persons: Recent[HubUser, Person] = Recent(KEPT_SECONDS)
        self._groups: Recent[str, str | None] = Recent(KEPT_SECONDS)

    async def person(self, user: HubUser) -> Person:
        """The person, recorded where they are new."""
        return await self._persons.get(user, lambda: self._resolve(user))

    async def _resolve(self, user: HubUser) -> Person:
        groups = {name: await self._project_id(name) for name in user.groups}
        try:
            return await run_in_threadpool(self._record, user, groups)
        except people.NameTaken:
            if await self._hub.group_exists(user.name):
                raise Conflict(
                    f"You log in as {user.name}, which is a project's name too: "
                    "ask an admin to rename one of them."
                ) from None
            await run_in_threadpool(self._retire, user.name)
            return await run_in_threadpool(self._record, user, groups)

    async def _project_id(self, group: str) -> str | None:
        return await self._groups.get(group, lambda: self._settle_project_id(group))

    async def _settle_project_id(self, group: str) -> str | None:
        kept = await self._hub.project_id(group)
        if kept is not None:
            return kept
        fresh = new_id("g")
        return fresh if await self._hub.keep_project_id(group, fresh) else None

    def _retire(self, name: str) -> None:
        with self._store.write() as session:
            people.retire_project(session, name)

    def _record(self, user: HubUser, groups: dict[str, str | None]) -> Person:
        """Write what is new of them; mostly nothing is."""
        with self._store.read() as session:
            known = people.find_known(session, user.name, user.created, groups)
        if known is None:
            with self._store.write() as session:
                known = people.ensure_known(session, user.name, user.created, groups)
        own = Project(id=known.own.id, name=known.own.name, personal=True, role="admin")
        shared = [self._shared(user, project) for project in known.shared]
        if user.name in self._settings.project_accounts:
            return Person(id=known.id, name=user.name, admin=False, projects=shared)
        return Person(id=known.id, name=user.name, admin=user.admin, projects=[own, *shared])

    def _shared(self, user: HubUser, row: ProjectRow) -> Project:
        administers = self._administers(user, row.name)
        account = account_of(row.name)
        has_server = account in self._settings.project_accounts
        return Project(
            id=row.id,
            name=row.name,
            personal=False,
            role="admin" if administers else "member",
            together=f"/hub/spawn/{account}" if has_server else None,
        )

    def _administers(self, user: HubUser, project: str) -> bool:
        settings = self._settings.projects.get(project)
        return user.admin or (settings is not None and user.name in settings.admins)
