"""The store on SQLite, and on PostgreSQL where there is one to start."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from tests.support import postgresql
from tests.support.deployment import free_port
from tests.support.services import require
from tests.support.stores import (
    FOUNDATION,
    ada,
    make_snapshot,
    sqlite_url,
    upgraded,
)

from labdock.schema import GitCommit, JobRequest, Requirements, Resources, Source, SourceFile
from labdock.servingschema import KeyRequest
from labdock_service.errors import Conflict
from labdock_service.store import (
    Fenced,
    Store,
    check_database,
    endpoints,
    events,
    jobs,
    keys,
    models,
    people,
    snapshots,
    sources,
)
from labdock_service.store.database import NoDatabase
from labdock_service.store.tables import Base, EndpointRow, JobRow, LeaseRow, ModelRow, PersonRow

DIGESTS = ["sha256:" + letter * 64 for letter in "0123456789abcdef"]


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    require(postgresql.can_start(), "PostgreSQL (`apt-get install postgresql`) or psycopg")
    with postgresql.postgresql() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield sqlite_url(tmp_path)
    else:
        with postgresql.database(request.getfixturevalue("server")) as made:
            yield made


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    made = upgraded(url)
    yield made
    made.close()


def test_migrations_make_exactly_the_tables(store: Store) -> None:
    with store.write() as session:
        context = MigrationContext.configure(session.connection())
        assert compare_metadata(context, Base.metadata) == []


def test_upgrades_at_once_both_succeed(url: str) -> None:
    stores = [Store(url), Store(url)]
    threads = [threading.Thread(target=store.upgrade) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with stores[0].read() as session:
        assert events.last(session) == 0
    for store in stores:
        store.close()


def test_a_new_database_is_opened_by_several_at_once(tmp_path: Path) -> None:
    def first_look(url: str) -> int:
        opened = Store(url)
        with opened.read() as session:
            found = session.scalar(text("SELECT 1"))
        opened.close()
        return int(found or 0)

    with ThreadPoolExecutor(8) as pool:
        for number in range(40):
            url = sqlite_url(tmp_path / str(number))
            assert sum(pool.map(first_look, [url] * 8)) == 8


def test_foreign_keys_are_held(store: Store) -> None:
    with pytest.raises(IntegrityError), store.write() as session:
        events.add(session, "g-missing", "ada", "job.submitted")


def test_what_was_committed_outlives_a_power_cut(store: Store) -> None:
    with store.write() as session:
        sqlite = session.connection().dialect.name == "sqlite"
        found = session.scalar(text("PRAGMA synchronous" if sqlite else "SHOW synchronous_commit"))
        assert found == (2 if sqlite else "on")


def test_an_older_reconciler_writes_nothing(store: Store) -> None:
    older, newer = store.take_fence(), store.take_fence()
    with pytest.raises(Fenced), store.fenced(older) as session:
        ada(session)
    with store.read() as session:
        assert session.scalars(select(PersonRow)).all() == []
    with store.fenced(newer) as session:
        ada(session)


def test_a_reused_name_inherits_nothing(store: Store) -> None:
    with store.write() as session:
        _, project = ada(session)
        later = people.ensure_person(session, "ada", "2027-01-01T00:00:00Z")
        own = people.personal_project(session, later)
        assert own.id != project.id
        assert people.find_project(session, "ada") is own
        assert people.ensure_person(session, "ada", "2027-01-01T00:00:00Z") is later


def test_a_group_made_again_starts_empty(store: Store) -> None:
    with store.write() as session:
        first = people.ensure_group_project(session, "vision")
        assert people.ensure_group_project(session, "vision") is first
        people.retire_project(session, "vision")
        second = people.ensure_group_project(session, "vision")
        assert first and second and first.id != second.id


def test_a_group_cannot_take_a_persons_project(store: Store) -> None:
    with store.write() as session:
        ada(session)
        assert people.ensure_group_project(session, "ada") is None


def test_a_source_is_read_as_it_was_saved(store: Store) -> None:
    source = Source(
        digest=DIGESTS[0],
        entry="train.py",
        files=[SourceFile(path="train.py", size=3, digest=DIGESTS[1], executable=True)],
        requirements=Requirements(lines=["pandas"], origin="requirements.txt"),
        git=GitCommit(commit="abc", dirty=True),
    )
    with store.write() as session:
        _, project = ada(session)
        sources.save(session, project.id, source)
        sources.save(session, project.id, source)
        assert sources.find(session, project.id, source.digest) == source


def test_a_project_has_only_the_contents_it_uploaded(store: Store) -> None:
    with store.write() as session:
        _, project = ada(session)
        other = people.ensure_group_project(session, "vision")
        assert other
        sources.add_blobs(session, project.id, {DIGESTS[0]: 1, DIGESTS[2]: 5})
        sources.add_blobs(session, project.id, {DIGESTS[0]: 1})
        assert sources.missing_blobs(session, project.id, DIGESTS[:3]) == [DIGESTS[1]]
        assert sources.missing_blobs(session, other.id, DIGESTS[:3]) == DIGESTS[:3]


def test_the_same_source_is_the_same_snapshot_until_its_lock_is_renewed(store: Store) -> None:
    with store.write() as session:
        _, project = ada(session)
        first = make_snapshot(session)
        assert make_snapshot(session) is first
        first.state, first.lock = "ready", "a==1"
        requirements = snapshots.requirements_digest(Requirements())
        sources.keep_lock(session, project.id, requirements, FOUNDATION, "a==1")
        assert make_snapshot(session) is first
        sources.keep_lock(session, project.id, requirements, FOUNDATION, "a==2")
        assert make_snapshot(session) is not first


def test_a_kept_lock_outlives_an_update_of_labdock(store: Store) -> None:
    with store.write() as session:
        _, project = ada(session)
        before = make_snapshot(session)
        requirements = snapshots.requirements_digest(Requirements())
        sources.keep_lock(session, project.id, requirements, before.foundation, "a==1")
        after = make_snapshot(session, environment="sha256:" + "d" * 64)
        assert after is not before
        assert sources.kept_lock(session, project.id, requirements, after.foundation) == "a==1"


def _job(session: Session) -> tuple[PersonRow, JobRow]:
    snapshot = make_snapshot(session)
    person, _ = ada(session)
    return person, jobs.create(session, snapshot, person, JobRequest(snapshot=snapshot.id))


def test_a_job_is_seen_as_it_was_asked_for(store: Store) -> None:
    with store.write() as session:
        _, row = _job(session)
        job_id = row.id
    with store.read() as session:
        found = jobs.find(session, job_id)
        assert found
        job = jobs.view(session, found)
    assert (job.project, job.owner, job.name, job.entry) == ("ada", "ada", "train", "train.py")
    assert (job.state, job.target, job.attempts) == ("packaging", "succeeded", [])


def test_jobs_are_listed_newest_first_page_by_page(store: Store) -> None:
    with store.write() as session:
        made = [_job(session)[1] for _ in range(5)]
        projects = {made[0].project_id}
        first = jobs.listed(session, projects, limit=3)
        second = jobs.listed(session, projects, limit=3, before=first[-1].id)
        assert [job.id for job in first + second] == [row.id for row in reversed(made)]
        assert jobs.listed(session, set()) == []
        assert jobs.listed(session, projects, state="running") == []
        assert len(jobs.listed(session, projects, owner="ada")) == 5


def test_only_an_ended_job_is_retried_and_once(store: Store) -> None:
    with store.write() as session:
        _, row = _job(session)
        with pytest.raises(Conflict):
            jobs.request_retry(session, row, "ada")
        row.state = "failed"
        jobs.request_retry(session, row, "ada")
        jobs.request_retry(session, row, "ada")
        assert (row.retries, row.target) == (1, "succeeded")


def test_stopping_twice_is_one_event(store: Store) -> None:
    with store.write() as session:
        _, row = _job(session)
        jobs.request_stop(session, row, "ada")
        jobs.request_stop(session, row, "ada")
    with store.read() as session:
        kinds = [event.kind for event in events.after(session, {row.project_id}, 0, job=row.id)]
    assert kinds == ["job.submitted", "job.stop_requested"]


def test_events_grow_and_are_seen_by_their_project_only(store: Store) -> None:
    with store.write() as session:
        _, project = ada(session)
        for number in range(3):
            events.add(session, project.id, "ada", "job.progress", data={"n": number})
    with store.read() as session:
        seen = events.after(session, {project.id}, 0)
        assert [event.data["n"] for event in seen] == [0, 1, 2]
        assert events.after(session, {project.id}, seen[1].id) == seen[2:]
        assert events.after(session, {"g-other"}, 0) == []
        assert events.last(session) == seen[-1].id


def test_a_device_has_one_holder(store: Store) -> None:
    def lease(holder: str) -> LeaseRow:
        return LeaseRow(
            holder_kind="job",
            holder_id=holder,
            title=holder,
            attempt=1,
            node="local",
            cpus=0.0,
            memory=0,
            device="GPU-1",
        )

    with store.write() as session:
        session.add(lease("j1"))
    with pytest.raises(IntegrityError), store.write() as session:
        session.add(lease("j2"))


def _model(session: Session, name: str = "digits") -> tuple[PersonRow, ModelRow]:
    person, job = _job(session)
    made = models.create(
        session,
        f"m{job.id[1:]}",
        job,
        name=name,
        digest=DIGESTS[0],
        size=1,
        signature={},
        metrics={"accuracy": 0.9},
    )
    return person, made


def test_model_versions_count_within_their_name(store: Store) -> None:
    with store.write() as session:
        made = [_model(session, name)[1] for name in ("a", "a", "b")]
        assert [row.version for row in made] == [1, 2, 1]
        assert [row.id for row in models.of_job(session, made[0].job_id)] == [made[0].id]
        listed = models.listed(session, {made[0].project_id})
        assert [(model.name, model.version) for model in listed] == [("a", 2), ("a", 1), ("b", 1)]


def _endpoint(session: Session) -> tuple[EndpointRow, ModelRow, PersonRow]:
    person, model = _model(session)
    _, project = ada(session)
    return endpoints.ensure(session, project, "digits", person), model, person


def test_undo_goes_back_to_what_served(store: Store) -> None:
    with store.write() as session:
        endpoint, model, _ = _endpoint(session)
        first = endpoints.deploy(session, endpoint, model, Resources(), "ada")
        with pytest.raises(Conflict):
            endpoints.undo(session, endpoint, "ada")
        endpoint.traffic = [{"revision": first.id, "weight": 100}]
        second = endpoints.deploy(session, endpoint, model, Resources(), "ada")
        assert (endpoint.wanted, second.number, second.before) == (second.id, 2, first.id)
        endpoint.traffic = [{"revision": second.id, "weight": 100}]
        endpoints.undo(session, endpoint, "ada")
        assert endpoint.wanted == first.id


def test_undo_of_a_revision_that_never_served_keeps_the_one_that_does(store: Store) -> None:
    with store.write() as session:
        endpoint, model, _ = _endpoint(session)
        first = endpoints.deploy(session, endpoint, model, Resources(), "ada")
        endpoint.traffic = [{"revision": first.id, "weight": 100}]
        endpoints.deploy(session, endpoint, model, Resources(), "ada")
        endpoints.undo(session, endpoint, "ada")
        assert endpoint.wanted == first.id
        assert [row.number for row in endpoints.view(endpoint).revisions] == [1, 2]


def test_a_deleted_endpoints_name_is_free(store: Store) -> None:
    with store.write() as session:
        endpoint, _, person = _endpoint(session)
        endpoints.delete(session, endpoint, "ada")
        _, project = ada(session)
        assert endpoints.find_named(session, project.id, "digits") is None
        assert endpoints.ensure(session, project, "digits", person).id != endpoint.id


def test_keys_are_kept_as_hashes_and_end_when_revoked_expired_or_deleted(store: Store) -> None:
    with store.write() as session:
        endpoint, _, person = _endpoint(session)
        lasting = keys.create(session, endpoint, person, KeyRequest())
        short = keys.create(session, endpoint, person, KeyRequest(expires_in=3600))
        assert lasting.secret and lasting.secret.startswith("ldk_")
        assert len(keys.live(session)) == 2
        assert lasting.secret not in repr(keys.live(session))
        row = keys.find(session, endpoint, short.id)
        assert row
        keys.revoke(session, endpoint, row, "ada")
        assert keys.find(session, endpoint, short.id) is None
        assert [key.id for key in keys.listed(session, endpoint)] == [lasting.id]
        endpoints.delete(session, endpoint, "ada")
        assert keys.live(session) == []


def test_a_database_that_answers(url: str) -> None:
    check_database(url)


@pytest.mark.parametrize(
    "place", ["postgresql://x:geheim@127.0.0.1:{port}/x", "sqlite:///{folder}"]
)
def test_a_database_that_does_not_answer_is_a_sentence(place: str, tmp_path: Path) -> None:
    with pytest.raises(NoDatabase) as error:
        check_database(place.format(port=free_port(), folder=tmp_path))
    assert str(error.value) == "The database does not answer: see 'database_url'."
