"""One planted bug in each guard. Tests that do not notice them would prove nothing."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from unittest.mock import patch

from portal import tokens
from portal.models import Connection
from syncs import (
    gathering,
    incidents,
    lanes,
    ledger,
    looking,
    notice,
    recovering,
    runs,
    settling,
    slices,
    snapshots,
    waiting,
)
from syncs.invoices import drafting, steps
from syncs.models import Link
from syncs.retries import Decision, Next

ENGINE = "tests/syncs/test_faults.py::"
MEANWHILE = ENGINE + "test_a_notice_that_comes_while_the_record_is_being_worked_leads_to_another_look"
BOTH_WAYS = "tests/syncs/test_two_way.py::"
ACCESS = "tests/portal/test_tokens.py::"
type Planted = AbstractContextManager[object]


@dataclass(frozen=True, slots=True)
class Mutant:
    """`guard`: what holds in the engine; `bug`: what is done in its place. `noticed`: by a seed of the simulation, or,
    where what it takes is too rare by chance, by a test that arranges just that."""

    name: str
    guard: str
    bug: str
    plant: Callable[[], Planted]
    noticed: int | str

    @property
    def by(self) -> str:
        """In words, as the page about reliability has it."""
        return f"seed {self.noticed}" if isinstance(self.noticed, int) else f"`{self.noticed.partition('::test_')[2]}`"


def _put(target: Any, name: str, value: Any) -> Callable[[], Planted]:
    return lambda: patch.object(target, name, value)


def _all_anew(sync: Any, links: Any) -> recovering.Unsettled:
    open_writes = recovering.Write.objects.filter(link__in=links, state__in=["intended", "unknown"])
    settling.supersede(list(open_writes))
    return recovering.Unsettled(others=list(links))


def _handled_is_current(real: Callable[..., None] = settling._handled) -> Callable[..., None]:
    def handled(link: Link, look: Any, sync: Any) -> None:
        real(link, look, sync)
        link.handled = Link.objects.values_list("noticed", flat=True).get(pk=link.pk)

    return handled


def _cursor_first(real: Callable[..., None] = runs.take) -> Callable[..., None]:
    def take(lane: Any, run: Any, sync: Any, page: Any, asked: Any) -> None:
        type(run).objects.filter(pk=run.pk).update(
            cursor=page.next_cursor or "", **({} if page.next_cursor else {"side": "work"})
        )
        real(lane, run, sync, page, asked)

    return take


def _saved_anyway(connection: Connection, sent: Any, new: Any) -> None:
    tokens._rows(connection).update(**tokens.columns(connection, new))
    tokens._reload(connection)


def _refused_anyway(connection: Connection, sent: Any, refusal: Any) -> Any:
    tokens._reload(connection)
    tokens._needs_person(connection, connection.credentials_digest, refusal.code, f"{refusal}")
    raise refusal


def _no_base(real: Callable[..., None] = settling._agree) -> Callable[..., None]:
    def agree(link: Link, made: Any, shown: Any) -> None:
        base, rendered = link.base, link.rendered
        real(link, made, shown)
        link.base, link.rendered = base, rendered

    return agree


def _for_ever(error: Any, tries: int, real: Callable[..., Decision] = settling.decide) -> Decision:
    found = real(error, tries)
    return Decision(Next.AGAIN, found.code, found.words, 600.0) if found.next == Next.HOLD else found


def _spoilt(self: slices.Slice, sync: Any, links: Any, lost: Any = (), real: Any = slices.Slice._looks) -> Any:
    try:
        return looking.look(sync, links, self.sessions, lost)
    except slices.ContractError as error:
        for link in links:
            settling.settle_unreadable(self.lane, sync, link, settling.decide(error, 0))
        return []
    except slices.ConnectorError:
        return real(self, sync, links, lost)


def _first_notice_only(link: Link, snapshot: Any, *, both: bool) -> bool:
    since = link.noticed_at if both else link.stale_at
    return snapshot is None or (since is not None and snapshot.read_at < since)


def _only_creates(link: Link, write: Any, real: Any = recovering._too_early) -> bool:
    return bool(write.verb == "create" and real(link, write))


@contextmanager
def _marks_at_rest_only() -> Iterator[None]:
    once = "noticed = CASE WHEN {now}.noticed > {now}.handled THEN {now}.noticed ELSE {now}.noticed + 1 END"
    changed = notice._ONE_MORE.replace("noticed = {now}.noticed + 1", once, 1)
    with patch.object(notice, "_ONE_MORE", changed):
        yield


def _any_mode(lane: Any, sync: Any = None, real: Callable[..., None] = lanes.guard) -> None:
    real(lane)


def _parked_anyway(lane: Any, side: Any, code: str, words: str) -> None:
    lanes.Lane.objects.filter(pk=lane.pk).update(parked=words[:300], parked_code=code)


def _every_failure(
    lane: Any, seconds: float, *, failed: bool, refused: bool = False, real: Callable[..., None] = lanes.wait
) -> None:
    real(lane, seconds, failed=failed, refused=failed)


def _any_total(case: Any) -> Any:
    """The draft's own total is taken for the one that was wanted."""
    return drafting.on_draft(replace(case, document=replace(case.document, total=case.total_there)))


def _any_total_opens() -> Planted:
    return patch.dict(steps._BY_STATUS, {"draft": _any_total})


def _unnoticed(*_: Any, **__: Any) -> None:
    return None


MUTANTS = (
    Mutant("new-key", "a create whose outcome is unknown is looked for and keeps its key",
           "it is planned anew, with a fresh key", _put(recovering, "sort_out", _all_anew), 1),
    Mutant("no-look", "what a call has made is looked for before it goes out again", "nothing is looked for",
           _put(recovering, "_written_since", lambda *_: []), 7),
    Mutant("first-notice", "of several notices the last decides what is too old to plan from", "the first does",
           _put(looking, "_too_old", _first_notice_only),
           BOTH_WAYS + "test_an_edit_made_while_the_record_waits_is_not_lost"),
    Mutant("no-intent", "a write is committed before it is sent", "it is sent only",
           _put(ledger, "append", _unnoticed), 1),
    Mutant("cursor-first", "a page's cursor is stored together with its marks", "before them",
           _put(runs, "take", _cursor_first()),
           "tests/syncs/test_reading_again.py::test_a_page_whose_storing_broke_off_is_read_again"),
    Mutant("spoilt-batch", "a record that cannot be read is held alone", "with all of its batch",
           _put(slices.Slice, "_looks", _spoilt), 103),
    Mutant("handled-now", "handled becomes the number of notices before the look", "the number there is afterwards",
           _put(settling, "_handled", _handled_is_current()), MEANWHILE),
    Mutant("lost-edge", "every notice counts, also while the record is being worked", "only at rest",
           _marks_at_rest_only, MEANWHILE),
    Mutant("two-refreshes", "one refresh leaves, whoever asks", "everybody refreshes",
           _put(tokens, "_take_lease", lambda connection: "mine"), 113),
    Mutant("for-ever", "what the service refuses is held", "it is tried again and again",
           _put(settling, "decide", _for_ever), 205),
    Mutant("never-closed", "incidents close when no record has the cause any more", "they stay open",
           _put(incidents, "_close", _unnoticed), 205),
    Mutant("no-wait", "an update without an answer is given time to land", "the next goes out at once",
           _put(recovering, "_too_early", _only_creates),
           ENGINE + "test_an_update_without_an_answer_is_given_time_to_land_before_another_goes_out"),
    Mutant("backwards", "an older state never replaces a newer one", "the later reading wins",
           _put(snapshots, "_older", lambda *_: False),
           ENGINE + "test_an_older_state_never_replaces_a_newer_one"),
    Mutant("edited-before", "what looks as it did before our write is read again before it counts", "it counts at once",
           _put(snapshots, "_as_before_us", lambda *_: {}),
           BOTH_WAYS + "test_an_old_answer_after_our_own_write_is_not_taken_for_an_edit"),
    Mutant("any-failure", "only refusals in a row park a lane", "an outage before one counts too",
           _put(lanes, "wait", _every_failure), "tests/faults/test_matrix_engine.py::"
           "test_a_refusal_is_not_counted_with_an_outage_before_it"),
    Mutant("no-lease", "results are stored only by who holds the lane", "by anybody",
           _put(lanes, "guard", _unnoticed), ENGINE + "test_a_worker_that_lost_its_lease_stores_nothing"),
    Mutant("no-deadline", "nothing is sent in the last part of a lease", "there is no deadline",
           _put(slices.Slice, "_deadline", lambda self: float("inf")),
           ENGINE + "test_nothing_is_sent_in_the_last_part_of_a_lease"),
    Mutant("never-woken", "what a disconnect has parked goes on after signing in again", "it stays parked",
           _put(lanes, "unpark", incidents.connection_works),
           ENGINE + "test_a_key_that_is_no_longer_taken_parks_the_lane_until_a_person_reconnects"),
    Mutant("no-base", "what both sides agreed on is remembered", "it is forgotten, and our own writes look like edits",
           _put(settling, "_agree", _no_base()),
           BOTH_WAYS + "test_a_number_typed_in_its_own_way_costs_one_write_and_stays_as_typed"),
    Mutant("lost-is-edited", "what a call without an answer has brought over counts as agreed", "it looks like an edit",
           _put(looking, "_agree", _unnoticed),
           BOTH_WAYS + "test_what_a_lost_call_has_brought_over_is_no_edit_of_that_side"),
    Mutant("refused-anyway", "a refusal disconnects only where the refused pair is still the stored one", "always",
           _put(tokens, "_refused", _refused_anyway),
           ACCESS + "test_a_refusal_of_a_pair_no_longer_stored_disconnects_nothing"),
    Mutant("pair-anyway", "a new pair is saved where the one sent is still there", "always",
           _put(tokens, "_save", _saved_anyway),
           ACCESS + "test_a_late_answer_does_not_replace_what_a_person_has_signed_in_with_since"),
    Mutant("older-for-ever", "an earlier time counts once it has been shown for a while", "never",
           _put(snapshots, "STILL_SHOWN", timedelta(days=999)),
           ENGINE + "test_a_state_that_names_an_earlier_time_counts_where_it_is_still_shown"),
    Mutant("still-planned", "what was planned in preview is stored only while it is one", "also once it is live",
           _put(lanes, "guard", _any_mode), "tests/syncs/test_first_sync.py::"
           "test_what_was_looked_at_in_preview_does_not_stay_planned_when_it_goes_live_meanwhile"),
    Mutant("parked-anyway", "a refusal parks a lane only where nobody has connected again since", "always",
           _put(lanes, "refused", _parked_anyway),
           ENGINE + "test_a_lane_is_not_parked_for_a_refusal_that_a_person_has_answered_by_connecting_again"),
    Mutant("swallowed", "what an answer shows beside what was sent is looked at", "it is stored, and no more",
           _put(settling, "_shows_news", lambda *_: False),
           BOTH_WAYS + "test_an_edit_that_nobody_told_of_comes_to_light_with_our_own_next_write"),
    Mutant("no-parent", "an invoice waits until its client is a customer", "it does not wait",
           _put(steps, "_client", _unnoticed),
           "tests/syncs/test_invoices.py::test_an_invoice_waits_for_its_client_and_fails_nothing"),
    Mutant("never-told", "what waits for another record is looked at when that is there", "it goes on waiting",
           _put(waiting, "wake", _unnoticed), 303),
    Mutant("any-total", "an invoice can be paid only once both totals agree", "whatever they are",
           _any_total_opens, 301),
    Mutant("told-twice", "a payment that Stripe was told of is known again", "it is told again",
           _put(gathering, "_recorded", lambda batch: {}), 301),
)  # fmt: skip
BY_NAME = {mutant.name: mutant for mutant in MUTANTS}
