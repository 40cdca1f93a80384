"""The producer's contract: what the SQL functions promise to whoever calls them."""

from __future__ import annotations

import hashlib
import threading
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import errors

from tests.postgres.queue.leading import Leader

REPO = "https://example.org/team/project"


def connect(database: str, **options: object) -> psycopg.Connection:
    return psycopg.connect(database, autocommit=True, **options)  # type: ignore[arg-type]


def one(connection: psycopg.Connection, query: str, *values: object) -> object:
    row = connection.execute(query, values).fetchone()
    return row[0] if row else None


@pytest.mark.parametrize(
    ("asked", "kept"),
    [
        ("https://GitHub.com/Org/Name.git", "https://github.com/Org/Name"),
        ("https://github.com:443/org/name/", "https://github.com/org/name"),
        ("git@github.com:org/name.git", "https://github.com/org/name"),
        ("ssh://git@github.com:22/org/name", "https://github.com/org/name"),
        ("ssh://git@git.example.org:2222/org/name", "https://git.example.org:2222/org/name"),
        ("https://github.com//org///name.git/", "https://github.com/org/name"),
        ("/srv/git/a repo/", "file:///srv/git/a repo"),
        ("file:///srv/git/x", "file:///srv/git/x"),
        ("http://127.0.0.1:8080/x.git", "http://127.0.0.1:8080/x"),
        ("https://[::1]:8443/x", "https://[::1]:8443/x"),
    ],
)
def test_one_repository_is_one_repository(database: str, asked: str, kept: str) -> None:
    with connect(database) as connection:
        job = one(connection, "SELECT indexjob.enqueue(%s)", asked)
        assert one(connection, "SELECT repository FROM indexjob.jobs WHERE id = %s", job) == kept


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"repository": ""}, "missing"),
        ({"repository": None}, "missing"),
        ({"repository": "-oProxyCommand=x"}, "dash"),
        ({"repository": "ext::sh -c id"}, "ext::"),
        ({"repository": "fd::17"}, "remote helpers"),
        ({"repository": "https://user:secret@example.org/x"}, "no user name, password or token"),
        ({"repository": "https://token@example.org/x"}, "no user name, password or token"),
        ({"repository": "ssh://git:secret@example.org/x"}, "no user name, password or token"),
        ({"repository": "ftp://example.org/x"}, 'over "ftp"'),
        ({"repository": "example.org/x"}, "no URL"),
        ({"repository": "https://example.org"}, "no repository"),
        ({"repository": "https://example.org/a/../b"}, '".."'),
        ({"repository": "https://example.org/a b"}, "spaces"),
        ({"repository": "https://exa_mple!.org/a"}, "no valid host"),
        ({"repository": "https://-oProxy/a"}, "no valid host"),
        ({"repository": "https://example.org/x?token=1"}, "ends with its path"),
        ({"repository": "https://example.org:99999/x"}, "port"),
        ({"repository": "https://example.org:0/x"}, "port"),
        ({"repository": "https://example.org/" + "é" * 1000}, "2000 bytes"),
        ({"revision": "é" * 200}, "revision"),
        ({"repository": "http://example.org/x"}, "this machine alone"),
        ({"revision": "--upload-pack=x"}, "revision"),
        ({"revision": ""}, "revision"),
        ({"revision": "a..b"}, "revision"),
        ({"revision": "a b"}, "revision"),
        ({"backoff_limit": -1}, "backoff_limit must be between 0 and 100, not -1"),
        ({"profile": "No/Such"}, "no valid name"),
        ({"options": '{"speed": 1}'}, 'unknown option "speed"'),
        ({"options": "[]"}, "JSON object"),
        ({"options": '{"active_deadline_seconds": -5}'}, "active_deadline_seconds"),
        ({"options": '{"active_deadline_seconds": "5"}'}, "active_deadline_seconds"),
        ({"options": '{"include": "src"}'}, "array of patterns"),
        ({"options": '{"include": [1]}'}, "array of patterns"),
        ({"options": '{"languages": ["cobol"]}'}, "python"),
        ({"options": '{"credentials_secret": "No Secret"}'}, "Secret"),
        ({"tenant": "No Tenant"}, "no valid name"),
        ({"idempotency_key": ""}, "idempotency_key"),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_sentence_and_not_stored(
    database: str, arguments: dict[str, object], sentence: str
) -> None:
    arguments = {"repository": REPO, **arguments}
    call = ", ".join(f"{name} => %s" for name in arguments)
    with connect(database) as connection:
        with pytest.raises((errors.InvalidParameterValue, errors.InsufficientPrivilege)) as refused:
            connection.execute(f"SELECT indexjob.enqueue({call})", list(arguments.values()))
        assert sentence in str(refused.value)
        assert "secret" not in (refused.value.diag.message_primary or "").replace("credentials_secret", "")
        assert one(connection, "SELECT count(*) FROM indexjob.index_jobs") == 0


def test_local_repositories_and_plain_http_need_the_setting(database: str) -> None:
    with connect(database) as connection:
        connection.execute("UPDATE indexjob.settings SET local_repositories = false")
        for repository in ("/srv/x", "file:///srv/x", "http://127.0.0.1/x"):
            with pytest.raises(errors.InvalidParameterValue, match="not allowed here"):
                connection.execute("SELECT indexjob.enqueue(%s)", (repository,))


def test_a_rollback_leaves_nothing(database: str) -> None:
    with psycopg.connect(database) as connection:
        connection.execute("SELECT indexjob.enqueue(%s)", (REPO,))
        connection.rollback()
        assert one(connection, "SELECT count(*) FROM indexjob.jobs") == 0


def test_without_a_key_each_call_is_a_new_row_with_one_the_same_job_whatever_its_state(database: str) -> None:
    with connect(database) as connection:
        assert one(connection, "SELECT indexjob.enqueue(%s)", REPO) != one(
            connection, "SELECT indexjob.enqueue(%s)", REPO
        )
        first = one(connection, "SELECT indexjob.enqueue(%s, idempotency_key => 'k', priority => 1)", REPO)
        connection.execute("SELECT indexjob.cancel(%s)", (first,))
        assert one(connection, "SELECT indexjob.enqueue(%s, idempotency_key => 'k', priority => 9)", REPO) == first
        row = connection.execute("SELECT state, priority FROM indexjob.jobs WHERE id = %s", (first,)).fetchone()
        assert row == ("cancelled", 1)
        other = one(connection, "SELECT indexjob.enqueue(%s, idempotency_key => 'k', tenant => 'other')", REPO)
        assert other != first


def test_two_producers_with_one_key_at_once_get_one_job(database: str) -> None:
    start, ids = threading.Barrier(8), []

    def produce() -> None:
        with connect(database) as connection:
            start.wait()
            ids.append(one(connection, "SELECT indexjob.enqueue(%s, idempotency_key => 'once')", REPO))

    threads = [threading.Thread(target=produce) for _ in range(8)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert len(ids) == 8
    assert len(set(ids)) == 1


def test_an_id_that_is_none_gets_a_sentence(database: str) -> None:
    with connect(database) as connection:
        for function in ("cancel", "retry", "suspend", "resume"):
            with pytest.raises(errors.NoDataFound, match="no index job"):
                connection.execute(f"SELECT indexjob.{function}(%s)", (uuid4(),))


def test_steering_a_queued_job(database: str) -> None:
    with connect(database) as connection:
        job = one(connection, "SELECT indexjob.enqueue(%s)", REPO)

        def state() -> object:
            return one(connection, "SELECT state FROM indexjob.jobs WHERE id = %s", job)

        assert one(connection, "SELECT indexjob.retry(%s)", job) is False
        assert one(connection, "SELECT indexjob.resume(%s)", job) is False
        assert one(connection, "SELECT indexjob.suspend(%s)", job) is True
        assert state() == "suspended"
        assert one(connection, "SELECT indexjob.suspend(%s)", job) is False
        assert one(connection, "SELECT indexjob.resume(%s)", job) is True
        assert state() == "queued"
        assert one(connection, "SELECT indexjob.cancel(%s, 'no longer wanted')", job) is True
        assert connection.execute("SELECT state, reason, message FROM indexjob.jobs").fetchone() == (
            "cancelled",
            "Cancelled",
            "no longer wanted",
        )
        assert one(connection, "SELECT indexjob.cancel(%s)", job) is False
        assert one(connection, "SELECT indexjob.retry(%s)", job) is True
        assert connection.execute("SELECT state, reason, message, finished_at FROM indexjob.jobs").fetchone() == (
            "queued",
            None,
            None,
            None,
        )


def test_retry_says_which_states_it_accepts(database: str) -> None:
    with connect(database) as connection:
        notices: list[str] = []
        connection.add_notice_handler(lambda d: notices.append(d.message_primary or ""))
        job = one(connection, "SELECT indexjob.enqueue(%s)", REPO)
        connection.execute("SELECT indexjob.retry(%s)", (job,))
        assert notices == [f"index job {job} is queued; only failed and cancelled ones can be retried"]


def test_the_views_have_the_columns_that_producers_count_on(database: str) -> None:
    with connect(database) as connection:
        jobs = connection.execute("SELECT * FROM indexjob.jobs").description or []
        assert [c.name for c in jobs] == [
            "id",
            "repository",
            "revision",
            "commit",
            "state",
            "reason",
            "message",
            "step",
            "progress",
            "attempts",
            "launches",
            "priority",
            "tenant",
            "batch",
            "run_after",
            "created_at",
            "updated_at",
            "heartbeat_at",
            "started_at",
            "finished_at",
            "job_name",
            "namespace",
            "stats",
        ]
        attempts = connection.execute("SELECT * FROM indexjob.attempts").description or []
        assert [c.name for c in attempts] == [
            "job_id",
            "launch",
            "number",
            "started_at",
            "finished_at",
            "exit_code",
            "reason",
            "message",
            "pod",
            "node",
            "peak_memory_bytes",
            "steps",
            "log_tail",
        ]


def test_a_key_that_is_known_does_not_take_the_wake_up_from_the_next_row(database: str) -> None:
    with connect(database) as listener, psycopg.connect(database) as producer:
        one(producer, "SELECT indexjob.enqueue(%s, idempotency_key => 'k')", REPO)
        producer.commit()
        listener.execute("LISTEN indexjob_wake")
        one(producer, "SELECT indexjob.enqueue(%s, idempotency_key => 'k')", REPO)
        one(producer, "SELECT indexjob.enqueue(%s)", REPO)
        producer.commit()
        assert [n.channel for n in listener.notifies(timeout=5, stop_after=1)] == ["indexjob_wake"]


def test_a_savepoint_that_is_rolled_back_does_not_take_the_wake_up_along(database: str) -> None:
    with connect(database) as listener, psycopg.connect(database) as producer:
        listener.execute("LISTEN indexjob_wake")
        producer.execute("SAVEPOINT s")
        one(producer, "SELECT indexjob.enqueue(%s)", REPO)
        producer.execute("ROLLBACK TO s")
        one(producer, "SELECT indexjob.enqueue(%s)", REPO)
        producer.commit()
        assert [n.channel for n in listener.notifies(timeout=5, stop_after=1)] == ["indexjob_wake"]


def finished_ids(listener: psycopg.Connection, expected: int) -> list[UUID]:
    """What is heard of jobs that have finished: so many, and whatever more there is."""
    heard = [UUID(n.payload) for n in listener.notifies(timeout=5, stop_after=expected)]
    return heard + [UUID(n.payload) for n in listener.notifies(timeout=0.1)]


def test_whoever_waits_for_a_job_hears_that_it_was_cancelled(database: str) -> None:
    """Once, and only if this call did it."""
    with connect(database) as listener, connect(database) as producer:
        listener.execute("LISTEN indexjob_finished")
        job = one(producer, "SELECT indexjob.enqueue(%s)", REPO)
        assert [one(producer, "SELECT indexjob.cancel(%s)", job) for _ in range(2)] == [True, False]
        assert finished_ids(listener, 1) == [job]


@pytest.mark.parametrize("by", ["record_finished", "mend"])
def test_whoever_waits_for_a_job_that_gave_way_to_an_equal_one_hears_of_its_end(database: str, by: str) -> None:
    """Whether it is settled with the one that ran, or by the sweep, as one of more than a thousand."""
    with connect(database) as listener, connect(database) as connection:
        leader = Leader(connection)
        ran, equal = leader.enqueue("a"), leader.enqueue("a")
        assert leader.claim() == [ran]
        listener.execute("LISTEN indexjob_finished")
        if by == "record_finished":
            leader.finish(ran)
            assert sorted(finished_ids(listener, 2)) == sorted([ran, equal])
        else:
            connection.execute("DELETE FROM indexjob.slots")
            connection.execute(
                "UPDATE indexjob.index_jobs SET state = 'failed', reason = 'X', finished_at = now() WHERE id = %s",
                (ran,),
            )
            leader.value("SELECT indexjob.mend(%s)", leader.epoch)
            assert finished_ids(listener, 1) == [equal]
        assert leader.row(equal)["state"] == "failed"


@pytest.mark.parametrize("when", ["infinity", "-infinity", "0044-03-15 BC", "12000-01-01"])
def test_a_time_that_no_calendar_of_the_clients_has_is_refused(database: str, when: str) -> None:
    with connect(database) as connection, pytest.raises(errors.InvalidParameterValue, match="1970 and 9999"):
        connection.execute("SELECT indexjob.enqueue(%s, run_after => %s)", (REPO, when))


def test_a_whole_number_may_be_written_with_a_point(database: str) -> None:
    with connect(database) as connection:
        leader = Leader(connection)
        job = leader.enqueue("a", options='{"ttl_seconds_after_finished": 5.0, "active_deadline_seconds": 60.0}')
        assert leader.row(job)["ttl_seconds_after_finished"] == 5
        changes = '{"priority": 20.0, "ttl_seconds_after_finished": 7.0}'
        assert leader.value("SELECT indexjob.revise(%s, %s)", job, changes) is True
        assert [leader.row(job)[key] for key in ("priority", "ttl_seconds_after_finished")] == [20, 7]


def test_the_longest_request_that_is_taken_fits_into_the_indexes(database: str) -> None:
    """Of letters that nothing can compress."""
    letters = "".join(hashlib.sha256(bytes([n])).hexdigest() for n in range(40))
    with connect(database) as connection:
        leader = Leader(connection)
        leader.connection.execute("INSERT INTO indexjob.tenants (name) VALUES (%s)", (letters[:63],))
        url = "https://example.org/"
        job = leader.enqueue(letters[: 2000 - len(url)], revision=letters[-255:], tenant=letters[:63])
        assert leader.claim() == [job]
