"""How to take each guard away, and the test that must notice."""

from dataclasses import dataclass

METADATA = "tests/contracts/test_metadata.py::"
HERE = "tests/guards/test_guarded.py::"


@dataclass(frozen=True)
class Mutant:
    """A guard taken away: in the file that has it, `old` becomes `new`, and `test` fails."""

    old: str
    new: str
    test: str


MUTANTS = {
    "backups-keep-bytes": Mutant(
        "metadata.named_live([doomed.key for doomed in due if doomed.was_live])",
        "set()",
        HERE + "test_bytes_that_a_backup_names_live_stay",
    ),
    "bytes-before-row": Mutant("os.fsync(file)", "pass", HERE + "test_bytes_and_names_are_durable_when_a_seal_returns"),
    "condemn-only-what-nothing-holds": Mutant(
        "except sqlite3.IntegrityError:",
        "except ZeroDivisionError:",
        METADATA + "test_a_blob_is_condemned_only_when_nothing_holds_it",
    ),
    "cut-to-the-recorded-size": Mutant(
        "durable.truncate(self._file, size)", "pass", HERE + "test_what_was_not_recorded_is_cut_off"
    ),
    "deadlines-from-no-wall-set-back": Mutant(
        "stamp(now(), self._clock)",
        "now()",
        "tests/serve/test_collector.py::test_requests_count_their_deadlines_from_no_wall_that_was_set_back",
    ),
    "deletion-switched-off": Mutant(
        'if deletions == "refused" and',
        "if False and",
        "tests/core/test_rules.py::test_deletion_switched_off_refuses_every_move_to_nothing",
    ),
    "durable-before-the-answer": Mutant(
        "durable.commit(self._connection)", "pass", METADATA + "test_what_was_written_is_seen_by_every_reader_at_once"
    ),
    "durable-promises-are-synced": Mutant(
        'durability = "FULL" if any(job.promise == "durable" for job in batch) else "NORMAL"',
        'durability = "NORMAL"',
        HERE + "test_a_durable_promise_after_a_weaker_one_is_synced",
    ),
    "every-commit-durable": Mutant(
        "PRAGMA synchronous = FULL",
        "PRAGMA synchronous = NORMAL",
        METADATA + "test_every_connection_asserts_what_the_protocol_rests_on",
    ),
    "failed-fsync-is-final": Mutant(
        "os.ftruncate(file, 0)", "pass", HERE + "test_bytes_that_an_fsync_refused_are_not_kept"
    ),
    "foreign-keys": Mutant(
        "PRAGMA foreign_keys = {foreign_keys}",
        "PRAGMA foreign_keys = 0",
        METADATA + "test_every_connection_asserts_what_the_protocol_rests_on",
    ),
    "hash-of-these-bytes": Mutant(
        "if kept is not None and kept[0] == (upload.version, upload.size):",
        "if kept is not None:",
        HERE + "test_a_running_hash_counts_only_for_the_bytes_it_saw",
    ),
    "keys-only-go-forward": Mutant(
        "done.rowcount != 1:  # guard: keys", "False:  # guard: keys", METADATA + "test_a_key_only_goes_forward"
    ),
    "names-before-row": Mutant(
        "os.fsync(directory)", "pass", HERE + "test_bytes_and_names_are_durable_when_a_seal_returns"
    ),
    "no-empty-registry-on-bytes": Mutant(
        "if not database.exists() and objects",
        "if False and objects",
        "tests/serve/test_directory.py::test_bytes_without_their_database_are_not_served_as_an_empty_registry",
    ),
    "no-empty-registry-on-top": Mutant(
        "if images.exists() and",
        "if False and",
        "tests/serve/test_directory.py::test_images_of_an_unadopted_registry_are_not_served_empty",
    ),
    "no-foreign-origin": Mutant(
        'if origin.partition("://")[2] not in ours:',
        "if False:",
        "tests/web/test_management.py::test_pages_of_other_origins_are_refused",
    ),
    "no-session-no-write": Mutant(
        "if not tx.end_upload(upload):  # guard",
        "if tx.end_upload(upload) is None:  # guard",
        HERE + "test_a_request_without_a_session_writes_nothing",
    ),
    "no-short-file-is-served": Mutant(
        "if blob is None or blobs.size(blob.key) != blob.size:",
        "if blob is None:",
        HERE + "test_a_short_or_missing_file_is_not_served",
    ),
    "one-append-at-a-time": Mutant(
        "if done.rowcount != 1:  # guard: one",
        "if False:  # guard: one",
        METADATA + "test_an_upload_moves_on_only_for_the_version_that_was_seen",
    ),
    "one-writer": Mutant(
        "fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)",
        "pass",
        HERE + "test_one_request_at_a_time_has_an_uploads_file",
    ),
    "restored-database-stops-collection": Mutant(
        "if number < seen:",
        "if False:",
        "tests/serve/test_collector.py::test_a_restored_database_stops_collection_and_is_complained_of_once",
    ),
    "session-read-under-the-lock": Mutant(
        "found = sessions.find(read, seen.repository, seen.id, door.services.now())  # guard",
        "found = seen  # guard",
        "tests/web/test_late.py::test_a_request_that_waited_for_the_lock_writes_nothing_into_a_finished_blob",
    ),
}
