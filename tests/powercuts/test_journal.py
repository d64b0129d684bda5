"""Promises are counted exactly: what is under way is neither kept nor broken."""

from tests.powercuts.journal import Journal, Place, Until

TAG = Place("manifest", "team/api", "v1")
BLOB = Place("blob", "team/api", "sha256:b")


def test_only_an_answer_makes_it_certain() -> None:
    journal = Journal()
    number = journal.begin("push", {TAG: "sha256:a"})
    with journal.paused() as standing:
        assert standing.certain == {}
        assert [asked.effects for asked in standing.under_way] == [{TAG: "sha256:a"}]
    journal.acknowledge(number)
    with journal.paused() as standing:
        assert standing.certain == {TAG: "sha256:a"}
        assert standing.under_way == ()
        assert standing.position == 2


def test_a_refusal_promises_nothing() -> None:
    journal = Journal()
    journal.refuse(journal.begin("push", {TAG: "sha256:a"}))
    with journal.paused() as standing:
        assert (standing.certain, standing.under_way) == ({}, ())


def test_a_promise_with_an_end_ends() -> None:
    journal = Journal()
    journal.acknowledge(journal.begin("blob", {BLOB: Until(0)}))
    with journal.paused() as standing:
        assert standing.certain == {}


def test_a_delete_is_a_promise_too() -> None:
    journal = Journal()
    journal.acknowledge(journal.begin("delete", {TAG: None}))
    with journal.paused() as standing:
        assert standing.certain == {TAG: None}
