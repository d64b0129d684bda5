"""How to take each guard away, and the test that must notice."""

from dataclasses import dataclass

METADATA = "tests/contracts/test_metadata.py::"
HERE = "tests/guards/test_guarded.py::"
SWEPT = "tests/guards/test_swept.py::"
BULK = "tests/usecases/test_bulk.py::"
ENDING = "tests/purge/test_ending.py::"
PURGED = "tests/purge/test_served.py::"
COPIES = "tests/purge/test_copies.py::"
FULL = "tests/guards/test_full.py::"
DIRECTORY = "tests/serve/test_directory.py::"
HISTORY = "tests/usecases/test_delete_and_undo.py::"
UPGRADES = "tests/serve/test_upgrades.py::"
VERIFY = "tests/verify/test_verify.py::"


@dataclass(frozen=True)
class Mutant:
    """A guard taken away: in the file that has it, `old` becomes `new`, and `test` fails."""

    old: str
    new: str
    test: str


MUTANTS = {
    "untagged-takes-no-tag": Mutant(
        'propose_images(view, proposal, list(part.untagged), "untagged")',
        "propose_images(view, proposal, list(part.untagged))",
        BULK + "test_an_image_without_a_tag_leaves_behind_what_has_one",
    ),
    "what-moved-since-it-was-chosen-stays": Mutant(
        "if untouched and view.value(tag) == digest:",
        "if True:",
        BULK + "test_what_was_pushed_since_it_was_chosen_stays",
    ),
    "a-blocked-blob-is-refused": Mutant(
        "refuse_blocked(tx.read.block_on(digest))  # guard",
        "pass  # guard",
        COPIES + "test_a_blocked_layer_is_refused_however_it_comes",
    ),
    "a-blocked-manifest-is-refused": Mutant(
        "refuse_blocked(tx.read.block_on(digest))",
        "pass",
        COPIES + "test_it_is_refused_until_it_is_unblocked",
    ),
    "a-blob-that-comes-is-held": Mutant(
        "self._execute(_FOLLOW_BLOB, (number, digest))",
        "pass",
        SWEPT + "test_a_blob_that_comes_is_held_by_an_index_that_names_it",
    ),
    "a-blob-that-is-there-is-held": Mutant(
        'f" (SELECT b.digest FROM blobs b WHERE b.digest = n.value AND {_HAS})"',
        '" NULL"',
        SWEPT + "test_a_blob_that_is_there_is_held_by_an_index_that_names_it",
    ),
    "a-failed-read-proves-nothing": Mutant(
        'elif finding.kind != "unreadable":',
        "else:",
        HERE + "test_what_cannot_be_read_is_not_called_damaged",
    ),
    "a-manifest-needs-its-bytes": Mutant(
        "missing += _hollow(tx, push, manifest.needs)",
        "pass",
        "tests/web/test_hollow.py::test_a_manifest_whose_blob_has_no_whole_file_is_refused",
    ),
    "a-part-that-comes-is-one": Mutant(
        "self._execute(_FOLLOW_MANIFEST, (number, digest))",
        "pass",
        SWEPT + "test_a_child_that_comes_is_a_part_of_its_index_which_holds_its_bytes_as_a_blob",
    ),
    "a-part-that-is-there-is-one": Mutant(
        '" (SELECT digest FROM manifests WHERE repository = ?1 AND digest = n.value)"',
        '" NULL"',
        SWEPT + "test_a_child_that_is_there_is_a_part_of_its_index",
    ),
    "a-purge-condemns-only-what-nothing-holds": Mutant(
        "except sqlite3.IntegrityError:",
        "except ZeroDivisionError:",
        ENDING + "test_an_image_ends_in_every_state",
    ),
    "a-purge-ends-half-uploads": Mutant(
        "metadata.purge(lambda tx: _end_sessions(tx, half, at))",
        "pass",
        COPIES + "test_every_copy_of_the_bytes_goes",
    ),
    "a-purge-ends-what-was-shown": Mutant(
        "if request.seen not in (None, whole.mark):",
        "if False:",
        PURGED + "test_what_was_shown_is_what_ends",
    ),
    "a-purge-leaves-what-is-live": Mutant(
        "if remains.value(digest) is not None and digest not in self._leaving:",
        "if False:",
        ENDING + "test_an_index_leaves_what_is_live",
    ),
    "a-purge-leaves-what-others-need": Mutant(
        "if any(user not in self.digests for user in users):",
        "if False:",
        ENDING + "test_a_child_that_an_index_in_the_trash_needs_stays_there",
    ),
    "a-purge-stays-where-it-was-asked": Mutant(
        'if elsewhere and request.scope == "repository":',
        'if False:',
        ENDING + "test_other_repositories_are_asked_about",
    ),
    "a-purge-takes-what-needs-it": Mutant(
        "pending.extend(remains.users(digest))",
        "pass",
        ENDING + "test_a_part_takes_along_what_needs_it",
    ),
    "a-sweep-goes-on": Mutant(
        'self._execute("INSERT OR IGNORE INTO unswept VALUES (?, ?)", left)',
        "pass",
        SWEPT + "test_a_sweep_that_is_cut_goes_on_in_the_next_step",
    ),
    "adopt-only-what-is-live-now": Mutant(
        "live = tx.read.live_key(digest)  # guard",
        "live = trusted or tx.read.live_key(digest)  # guard",
        HERE + "test_a_blob_that_was_condemned_since_it_was_looked_at_is_not_adopted",
    ),
    "an-undo-overwrites-nobody": Mutant(
        'if conflicts and on_conflict == "refuse":',
        "if False:",
        HISTORY + "test_a_reference_that_moved_on_refuses_the_whole_undo_and_says_who",
    ),
    "backups-keep-bytes": Mutant(
        "metadata.named_live([doomed.key for doomed in due if doomed.was_live])",
        "set()",
        HERE + "test_bytes_that_a_backup_names_live_stay",
    ),
    "bytes-before-row": Mutant("os.fsync(file)", "pass", HERE + "test_bytes_and_names_are_durable_when_a_seal_returns"),
    "children-come-along": Mutant(
        "pending.extend(children)  # guard",
        "pass  # guard",
        HISTORY + "test_a_put_back_index_brings_its_children",
    ),
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
        'if rules.deletions == "refused" and',
        "if False and",
        "tests/core/test_rules.py::test_deletion_switched_off_refuses_every_move_to_nothing",
    ),
    "no-backup-keeps-it": Mutant(
        "metadata.replace_backups(metadata.purge(lambda tx: _gone(tx, unfinished, at)), at)",
        "pass",
        COPIES + "test_every_copy_of_the_bytes_goes",
    ),
    "protected-tags-stay": Mutant(
        "if refused:",
        "if False:",
        "tests/usecases/test_protected.py::test_every_verb_refuses_to_move_a_protected_tag",
    ),
    "durable-before-the-answer": Mutant(
        "durable.commit(self._connection)", "pass", METADATA + "test_what_was_written_is_seen_by_every_reader_at_once"
    ),
    "durable-promises-are-synced": Mutant(
        'durability = "FULL" if any(job.promise == "durable" for job in batch) else "NORMAL"',
        'durability = "NORMAL"',
        HERE + "test_a_durable_promise_after_a_weaker_one_is_synced",
    ),
    "ended-leases-are-the-queue": Mutant(
        "self._execute(_OVER, (repository, json_list(blobs), at))",
        "pass",
        SWEPT + "test_what_a_sweep_lets_go_of_is_collected",
    ),
    "every-commit-durable": Mutant(
        "PRAGMA synchronous = FULL",
        "PRAGMA synchronous = NORMAL",
        METADATA + "test_every_connection_asserts_what_the_protocol_rests_on",
    ),
    "failed-fsync-is-final": Mutant(
        "os.ftruncate(file, 0)", "pass", HERE + "test_bytes_that_an_fsync_refused_are_not_kept"
    ),
    "foreign-files-are-left-alone": Mutant(
        "if not is_key(name):",
        "if False:",
        VERIFY + "test_unknown_files_go_to_quarantine_and_foreign_ones_stay",
    ),
    "foreign-keys": Mutant(
        "PRAGMA foreign_keys = {foreign_keys}",
        "PRAGMA foreign_keys = 0",
        METADATA + "test_every_connection_asserts_what_the_protocol_rests_on",
    ),
    "graveyard": Mutant(
        "until = clock.at + terms.graveyard",
        "until = clock.at",
        HERE + "test_condemned_bytes_stay_for_the_graveyard",
    ),
    "hash-of-what-was-written": Mutant(
        "running, self._running = self._running, None",
        "running = self._running",
        "tests/contracts/test_blob_store.py::test_bytes_the_disk_had_no_room_for_count_for_no_digest",
    ),
    "hash-of-these-bytes": Mutant(
        "if kept is not None and kept[0] == (upload.version, upload.size):",
        "if kept is not None:",
        HERE + "test_a_running_hash_counts_only_for_the_bytes_it_saw",
    ),
    "keys-only-go-forward": Mutant(
        "done.rowcount != 1:  # guard: keys", "False:  # guard: keys", METADATA + "test_a_key_only_goes_forward"
    ),
    "moves-hold-what-they-displace": Mutant(
        "return move.old",
        "return None",
        HISTORY + "test_undo_after_the_window_says_what_is_gone",
    ),
    "names-before-row": Mutant(
        "os.fsync(directory)", "pass", HERE + "test_bytes_and_names_are_durable_when_a_seal_returns"
    ),
    "no-damaged-manifest-is-served": Mutant(
        "if Digest.of(manifest.body, manifest.digest.algorithm) != manifest.digest:",
        "if False:",
        VERIFY + "test_a_damaged_manifest_is_not_served_and_the_next_push_heals_it",
    ),
    "no-database-made-by-opening-it": Mutant(
        'mode = "rwc" if absent == "made" else "rw"',
        'mode = "rwc"',
        "tests/metadata/test_updates.py::test_opening_a_database_makes_none",
    ),
    "no-empty-registry-on-an-empty-database": Mutant(
        'if _holds_images(ours / "objects"):',
        "if False:",
        UPGRADES + "test_images_beside_an_empty_database_are_not_served_as_an_empty_registry",
    ),
    "no-empty-registry-on-bytes": Mutant(
        "if not database.exists() and _holds_images(objects):",
        "if False:",
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
    "one-collector": Mutant(
        "fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)",
        "pass",
        "tests/serve/test_collector.py::test_one_collects_at_a_time",
    ),
    "one-writer": Mutant(
        "fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)",
        "pass",
        HERE + "test_one_request_at_a_time_has_an_uploads_file",
    ),
    "only-a-server-updates": Mutant(
        "    if found == known:",
        "    if True:",
        UPGRADES + "test_who_looks_leaves_an_older_directory_as_it_is",
    ),
    "purge-needs-the-token": Mutant(
        'if not self.services.is_admin(request.headers.get(ADMIN, "")):',
        "if False:",
        PURGED + "test_nobody_purges_without_the_token",
    ),
    "purges-outlive-the-database": Mutant(
        "if not tx.write_down(note) or isinstance(note, Lifted):",
        "if True:",
        COPIES + "test_a_database_that_is_put_back_revives_nothing",
    ),
    "receipts-outlive-the-database": Mutant(
        "metadata.notes.append(missing)",
        "pass",
        COPIES + "test_a_database_that_is_put_back_revives_nothing",
    ),
    "repeated-finish-holds": Mutant(
        "return tx.renew(repository, digest, expires)",
        "return True",
        "tests/web/test_late.py::test_a_repeated_end_holds_the_blob_like_the_first",
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
    "the-log-forgets": Mutant(
        "metadata.empty_log()",
        "pass",
        COPIES + "test_every_copy_of_the_bytes_goes",
    ),
    "the-ballast-is-not-for-pushes": Mutant(
        'job.is_short and job.room == "kept"',
        "job.is_short",
        FULL + "test_a_push_never_has_what_is_kept_back",
    ),
    "what-is-given-up-is-not-for-pushes": Mutant(
        "beyond -= self._lent()  #",
        "pass  #",
        FULL + "test_a_push_never_has_what_was_given_up",
    ),
    "manifests-leave-the-reserve": Mutant(
        "if not self._rows.allows(length):",
        "if False:",
        FULL + "test_manifests_leave_the_reserve",
    ),
    "backups-keep-bytes-too": Mutant(
        "metadata.named_live([doomed.key for doomed in due if doomed.was_live])",
        "set()",
        FULL + "test_what_a_kept_backup_names_live_is_not_reaped_ahead",
    ),
    "no-reaping-for-a-restored-one": Mutant(
        "None if restored(number, metadata.epoch()) else advance(before, tick)",
        "advance(before, tick)",
        FULL + "test_nothing_is_reaped_ahead_for_a_restored_database",
    ),
    "no-link-in-the-root": Mutant(
        "if path.is_symlink():",
        "if False:",
        DIRECTORY + "test_no_link_is_followed_to_the_lock",
    ),
    "nobody-elses-directory": Mutant(
        "if owner not in trusted:",
        "if False:",
        DIRECTORY + "test_a_directory_of_another_user_is_not_served",
    ),
    "the-reserve-stays-free": Mutant(
        "return self._bytes.allows(length)",
        "return True",
        "tests/contracts/test_blob_store.py::test_room_ends_at_the_reserve",
    ),
    "tombstones": Mutant(
        "clock.at - LONGEST_REQUEST",
        "clock.at",
        HERE + "test_bytes_of_a_late_request_are_removed_too",
    ),
    "a-broken-database-explains-nothing": Mutant(
        " and not self._is_in_doubt",
        "",
        VERIFY + "test_a_broken_database_sends_no_file_away",
    ),
    "verify-looks-twice": Mutant(
        " and self._is_still_live(digest, live)",
        "",
        HERE + "test_a_blob_collected_while_it_is_looked_at_is_not_called_missing",
    ),
    "what-an-index-needs-stays": Mutant(
        '" AND NOT EXISTS (SELECT 1 FROM refs WHERE repository = ?1 AND child = ?2)"',
        '""',
        SWEPT + "test_a_child_stays_while_history_holds_its_index",
    ),
    "what-history-holds-stays": Mutant(
        '" AND NOT EXISTS (SELECT 1 FROM moves WHERE repository = ?1 AND held = ?2)"',
        '""',
        SWEPT + "test_what_two_changes_displaced_stays_until_the_last_is_over",
    ),
    "what-is-damaged-is-pushed-again": Mutant(
        '" AND b.damaged_at IS NULL"',
        '""',
        METADATA + "test_a_damaged_blob_is_missing_until_it_is_right",
    ),
    "what-is-live-keeps-its-type": Mutant(
        "if stored is not None and view.value(digest) is not None:",
        "if False:",
        "tests/usecases/test_types.py::test_what_is_live_keeps_its_type",
    ),
    "what-is-live-stays": Mutant(
        '" AND NOT EXISTS (SELECT 1 FROM tips WHERE repository = ?1 AND reference = ?2)"',
        '""',
        SWEPT + "test_what_came_back_stays_when_its_delete_is_over",
    ),
    "what-is-needed-stays": Mutant(
        "return isinstance(reference, Digest) and is_needed(view, wish, reference)",
        "return False",
        HISTORY + "test_deleting_an_index_leaves_its_children_and_rm_takes_them",
    ),
    "what-was-deleted-is-not-told": Mutant(
        "if not build.hidden:",
        "if True:",
        "tests/core/test_comparison.py::test_of_a_hidden_config_the_names_are_told_and_not_whether_it_differs",
    ),
}
