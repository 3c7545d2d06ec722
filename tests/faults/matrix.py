"""What can go wrong, what must happen then, and the tests that hold it: the source of the table in docs/reliability.md."""

# ruff: noqa: E501  # a row of the table is a line

from dataclasses import dataclass

CALLS = "tests/faults/test_matrix_calls.py::test_each_call_breaks_once_and_all_is_right"
ENGINE = "tests/faults/test_matrix_engine.py::"
CRASHES = "tests/faults/test_crashes.py::test_nothing_is_doubled_or_missing_after_blows"
POSTGRES = "tests/faults/test_crashes.py::test_the_same_on_postgresql"
FAULTS, HTTP = "tests/syncs/test_faults.py::", "tests/connectors/test_http.py::"
CONTRACT, HOOKS = "tests/connectors/test_contract.py::", "tests/portal/test_webhooks.py::"
TOKENS, CONNECT = "tests/portal/test_tokens.py::", "tests/portal/test_connect.py::"
WORKER, STEP = "tests/portal/test_worker.py::", "tests/syncs/test_staying_in_step.py::"
BILLS, STEPS = "tests/syncs/test_invoices.py::", "tests/syncs/test_invoice_steps.py::"
OUTSIDER = "tests/portal/test_outsider.py::"

#: How a test is called in the table, by where it stands.
KINDS = {
    "tests/faults/test_matrix": "matrix", "tests/faults/test_crash": "crash", "tests/faults/": "simulation",
    "tests/bench/": "benchmark", "tests/": "unit",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    """`tests`: "file::name", or a file of the benchmark. `missing`: why there is none, or what is not held yet."""

    id: str
    fault: str
    right: str
    tests: tuple[str, ...] = ()
    missing: str = ""


def kind(test: str) -> str:
    return next(word for start, word in KINDS.items() if test.startswith(start))


_CALLS = (
    Row("F01", "Too many requests, with a time to come again", "Nobody asks that service for this business before then; no record is blamed", (CALLS, ENGINE + "test_a_service_that_names_a_time_is_left_alone_until_then")),
    Row("F02", "Too many requests, without a time", "Waits double, spread by chance, up to an hour", (CALLS, "tests/syncs/test_retries.py::test_waits_double_up_to_an_hour", "tests/syncs/test_retries.py::test_waits_are_spread_by_chance")),
    Row("F03", "Jobber's query budget is used up", "The wait is worked out from the points that are missing", (CALLS, ENGINE + "test_a_drained_bucket_is_waited_for_by_its_own_figures")),
    Row("F04", "An error beside the data, in an answer of 200", "A part is never taken for the whole: the record is read again a few times within ten minutes, then held, says what the service said, and is read again every hour; a write is looked for", (CALLS, "tests/syncs/test_faults.py::test_one_that_could_not_be_read_for_a_moment_asks_nobody")),
    Row("F05", "The service fails, and has done nothing", "Looked for, then sent again", (CALLS, ENGINE + "test_while_a_service_is_away_the_page_says_so_and_nothing_is_held_against_a_record")),
    Row("F06", "The service fails after it has done it, and repeats that failure under the key", "What it made is found; there is no second one", (CALLS, FAULTS + "test_a_spent_key_is_replaced_and_the_customer_it_made_is_found")),
    Row("F07", "No answer, nothing done", "Looked for, then sent again with the same key", (CALLS,)),
    Row("F08", "No answer, but done", "One record there, linked", (CALLS, CONTRACT + "test_a_create_whose_answer_is_lost_is_found_if_it_was_made")),
    Row("F09", "Done long after we gave up waiting", "One record there: the key is the same, or the longest delay is waited out first", (CALLS, ENGINE + "test_a_key_that_is_at_work_is_waited_for_and_used_again")),
    Row("F10", "The connection breaks in the middle of the answer", "As without an answer", (CALLS,)),
    Row("F11", "Half of the JSON", "As without an answer", (CALLS, HTTP + "test_an_answer_that_cannot_be_read_is_none")),
    Row("F12", "A web page with status 200", "As without an answer", (CALLS,)),
    Row("F13", "A status or choice that is new to us", "Kept as it is; the record that needs it is held and says which", ("tests/connectors/test_jobber_reading.py::test_a_status_of_a_newer_version_is_passed_on", "tests/syncs/test_invoice_totals.py::test_each_status_has_its_meaning_and_an_unknown_one_has_none")),
    Row("F14", "A field is missing, empty or of another type", "That record is held, the others go on, the maintainers are to be told", (FAULTS + "test_one_client_that_cannot_be_read_is_held_alone", FAULTS + "test_one_client_that_cannot_be_read_does_not_stop_the_others_from_being_read")),
    Row("F15", "A list changes while it is read, or its place is forgotten", "Nobody is left out; a list that cannot go on is asked for again", (ENGINE + "test_a_list_that_changes_while_it_is_read_leaves_nobody_out", ENGINE + "test_a_list_whose_place_is_forgotten_is_read_from_its_beginning")),
    Row("F16", "A service is away for more than a day", "Old keys are not trusted: what they made is looked for first", (FAULTS + "test_after_a_day_away_a_begun_create_is_looked_for_and_not_repeated", FAULTS + "test_a_service_that_is_down_costs_only_time")),
    Row("F17", "A key is at work still, or came with other values", "The first is waited for; the second is our mistake and is said so", (ENGINE + "test_a_key_that_is_at_work_is_waited_for_and_used_again", "tests/connectors/test_stripe_sandbox_connector.py::test_one_key_with_two_requests_is_our_own_mistake")),
    Row("F18", "The service's search lags behind", "Only lists are asked, which do not lag behind", (CONTRACT + "test_what_was_made_since_then_is_listed",)),
    Row("F19", "An old answer after our own write", "What was written stays; nothing goes back and forth", (ENGINE + "test_an_old_answer_after_our_own_write_undoes_nothing", "tests/syncs/test_two_way.py::test_an_old_answer_after_our_own_write_is_not_taken_for_an_edit", FAULTS + "test_an_older_state_never_replaces_a_newer_one")),
    Row("F20", "A day's allowance is used up", "The business's work waits until the allowance comes back", missing="Only ServiceM8 has a daily allowance, and it is not connected yet."),
    Row("F21", "An answer that drips, or never ends", "Given up after 30 seconds, or 5 MB", (CALLS, HTTP + "test_an_answer_that_drips_ends_at_the_deadline", HTTP + "test_an_answer_larger_than_the_cap_is_not_read_to_its_end")),
    Row("F22", "Nobody listens, no such name, a certificate that is none", "Nothing was sent: the same call later", (CALLS, CONTRACT + "test_where_nobody_listens_nothing_was_sent")),
    Row("F23", "The service ends an API version", "The report on the connection says so", ("tests/connectors/test_jobber_sandbox_connector.py::test_the_doctor_tells_of_a_version_at_its_end",)),
)  # fmt: skip
_WEBHOOKS = (
    Row("F24", "The same webhook twice", "One more look, no write", (HOOKS + "test_a_replay_is_counted_and_marks_again", STEP + "test_a_notice_without_a_change_costs_no_write")),
    Row("F25", "Webhooks in the wrong order", "Each look reads the record as it is now", (STEP + "test_five_edits_within_a_second_leave_the_last_value_and_one_customer", FAULTS + "test_an_older_state_never_replaces_a_newer_one")),
    Row("F26", "A webhook is lost", "Found by the look every 15 minutes, or the comparison once a day", (STEP + "test_a_dropped_webhook_is_healed_by_the_poll",)),
    Row("F27", "The service switched webhooks off", "Changes still come by the look every 15 minutes, and people are told that nothing comes by itself", (STEP + "test_a_dropped_webhook_is_healed_by_the_poll", "tests/syncs/test_watching.py::test_webhooks_that_stay_away_while_polls_find_changes_are_told")),
    Row("F28", "A forged webhook", "401, nothing stored but a count", (HOOKS + "test_a_forged_delivery_leaves_only_a_count",)),
    Row("F29", "An old webhook, sent again by somebody", "Stripe's is refused after five minutes; another one costs a look", (HOOKS + "test_an_old_stripe_event_is_refused_and_a_fresh_one_taken",)),
    Row("F30", "A body of many megabytes", "413, and no more than 1 MB of it is read", (HOOKS + "test_a_large_body_is_refused_before_its_signature_is_looked_at", HOOKS + "test_a_lying_length_does_not_help")),
    Row("F31", "Well signed, but not to be read", "Kept for a person", (HOOKS + "test_garbled_but_signed_is_kept_for_a_person",)),
    Row("F32", "About an account that nobody has connected", "Kept without a business, counted", (HOOKS + "test_an_unknown_account_is_taken_stored_without_a_business_and_counted",)),
    Row("F33", "After an account was disconnected", "Kept, not worked, no token is used", (HOOKS + "test_a_disconnected_account_is_heard_but_not_worked_for",)),
    Row("F34", "Hundreds within seconds", "Each answered in time, none lost", ("tests/bench/burst.py", "tests/bench/webhooks.py")),
    Row("F35", "About what we are making this moment", "One more look, no second record", (HOOKS + "test_our_own_write_coming_back_wakes_nobody",)),
    Row("F36", "The database is away when it comes", "503, so that it is sent again", (HOOKS + "test_without_a_database_the_service_is_asked_to_try_again", CRASHES)),
    Row("F37", "The signing secret is changed", "Both secrets are taken meanwhile", (ENGINE + "test_both_secrets_are_taken_while_one_is_replaced",)),
    Row("F38", "A test event at a live endpoint", "Refused to the live connection, counted", (HOOKS + "test_test_data_does_not_reach_a_live_connection",)),
)  # fmt: skip
_ACCESS = (
    Row("F39", "A token runs out in the middle of work", "One renewal, and the same work goes on", (TOKENS + "test_after_a_401_of_the_stored_pair_one_refresh_leaves", CONTRACT + "test_expired_access_is_refused_and_renewed")),
    Row("F40", "Several workers renew at once", "One request leaves", (TOKENS + "test_six_workers_at_once_send_one_refresh",)),
    Row("F41", "The answer to a renewal is lost", "The old token while it lasts; then the owner is asked to connect again", (TOKENS + "test_a_lost_answer_keeps_the_old_token_while_it_lasts", TOKENS + "test_killed_between_answer_and_commit_ends_in_a_plain_request_to_reconnect", CRASHES)),
    Row("F42", "The answer to a renewal comes late", "It is stored all the same", (TOKENS + "test_a_late_answer_is_stored_though_the_lease_ran_out",)),
    Row("F43", "The access is taken back", "A refusal may be a mistake, so the work is tried twice more, unless the service refuses the account itself; then it is parked, no more calls, one incident; connecting again wakes it, and what changed meanwhile is looked for", ("tests/syncs/test_faults.py::test_one_refusal_by_mistake_asks_nobody", "tests/syncs/test_coming_back.py::test_what_was_changed_meanwhile_comes_over_at_once", ENGINE + "test_access_that_is_refused_parks_the_work_and_tells_the_owner", ENGINE + "test_a_refusal_is_not_counted_with_an_outage_before_it")),
    Row("F44", "The owner disconnects at the service", "Tokens are forgotten, work stops, people are told", (HOOKS + "test_a_goodbye_forgets_the_tokens_stops_the_work_and_tells_people",)),
    Row("F45", "Another account is connected in its place", "Refused, the old one is kept", (CONNECT + "test_another_account_is_refused_and_the_old_one_kept",)),
    Row("F46", "One account in two businesses", "Refused, without naming the other", (CONNECT + "test_an_account_of_another_business_is_refused_without_naming_it",)),
    Row("F47", "A permission is missing", "Tried twice more, then the work is parked and says which", (ENGINE + "test_access_that_is_refused_parks_the_work_and_tells_the_owner", "tests/connectors/test_jobber_sandbox_connector.py::test_the_doctor_names_the_scopes_that_are_missing")),
    Row("F48", "The key that opens the stored tokens is gone", "Said so; nothing is overwritten", (TOKENS + "test_a_missing_key_is_named_and_nothing_overwritten",)),
)  # fmt: skip
_MACHINES = (
    Row("F49", "A process is killed at any place in the code", "The next one goes on; nothing doubled, nothing missing", (CRASHES, FAULTS + "test_a_worker_killed_anywhere_doubles_and_loses_nothing", "tests/faults/test_crash_points.py::test_each_name_stands_once_in_the_code_and_no_other_does")),
    Row("F50", "An idle worker is killed", "The task queue is started again within seconds", (WORKER + "test_a_killed_idle_worker_does_not_stall_the_queue", CRASHES)),
    Row("F51", "The queue's main process or its guard is killed", "Nothing outlives it; all is started again", (WORKER + "test_nothing_outlives_a_killed_supervisor_and_another_frees_what_it_held", WORKER + "test_a_guard_that_is_stuck_is_replaced_with_the_rest", CRASHES)),
    Row("F52", "All of a worker's processes are killed at once", "As F49", (CRASHES,)),
    Row("F53", "The machine is off for a day", "As F16", (FAULTS + "test_after_a_day_away_a_begun_create_is_looked_for_and_not_repeated",)),
    Row("F54", "The database hangs up on everybody", "Connected again at once, nothing lost", (POSTGRES, ENGINE + "test_a_database_that_hangs_up_keeps_no_lane")),
    Row("F55", "Was it committed, or not?", "Doing it again changes nothing", (CRASHES, HOOKS + "test_a_replay_is_counted_and_marks_again")),
    Row("F56", "Two transactions meet crosswise", "The short one is repeated", (HOOKS + "test_a_transaction_that_met_another_crosswise_is_repeated",)),
    Row("F57", "The queue's table is emptied", "What is due is put there again", (ENGINE + "test_an_emptied_queue_and_a_lost_cache_cost_nothing", WORKER + "test_a_lane_whose_wake_up_was_lost_is_woken")),
    Row("F58", "The cache is lost", "Nothing that matters is in it", (ENGINE + "test_an_emptied_queue_and_a_lost_cache_cost_nothing",)),
    Row("F59", "The disk is full", "Webhooks are answered with 5xx, work pauses and goes on when there is room; no record is blamed", (CRASHES, ENGINE + "test_no_record_is_blamed_for_the_database")),
    Row("F60", "A worker runs out of memory, time and again, on one record", "That record is set aside after five deaths", (FAULTS + "test_a_record_that_kills_its_worker_is_set_aside",)),
    Row("F61", "A worker is frozen for longer than its lease", "It sends nothing late and stores nothing", (CRASHES, FAULTS + "test_a_worker_that_lost_its_lease_stores_nothing")),
    Row("F62", "The clock jumps by ten minutes", "Nothing doubled; what a backward step hides is found by the look every 15 minutes", (ENGINE + "test_a_clock_that_jumps_doubles_and_loses_nothing",)),
    Row("F63", "Midnight, the end of a month, summer time", "Days are those of the business's own zone", ("tests/syncs/test_invoice_totals.py::test_it_takes_effect_at_midday_where_the_business_is", "tests/portal/test_records.py::test_times_are_those_of_the_business")),
    Row("F64", "A new version is installed while work is under way", "Asked to stop, a worker ends what it has begun; none starts on an older database", (WORKER + "test_asked_to_stop_it_stops_whole", WORKER + "test_it_will_not_work_on_a_database_of_an_older_version")),
    Row("F65", "The clock's tick comes twice, or not at all", "No difference", (ENGINE + "test_a_tick_that_comes_twice_or_never_is_harmless",)),
    Row("F66", "A task of the queue is lost or doubled", "No difference", (WORKER + "test_a_lane_whose_wake_up_was_lost_is_woken", FAULTS + "test_a_lane_is_held_by_one_worker_at_a_time")),
    Row("F67", "Mails cannot be sent", "The incident is there first; its mail is tried again", ("tests/portal/test_alerts.py::test_a_mail_server_that_is_away_loses_no_alert",)),
)  # fmt: skip
_RECORDS = (
    Row("F68", "One bad record among thousands", "It is set aside with its cause, all others go on", (FAULTS + "test_one_client_that_cannot_be_read_is_held_alone", FAULTS + "test_a_refused_value_holds_its_record_and_says_which_field")),
    Row("F69", "A record that kills its worker", "As F60", (FAULTS + "test_a_record_that_kills_its_worker_is_set_aside",)),
    Row("F70", "Our own write comes back as news", "One look at most, no write", (HOOKS + "test_our_own_write_coming_back_wakes_nobody", STEP + "test_a_notice_without_a_change_costs_no_write")),
    Row("F71", "Both sides have changed a field", "The owner of the field decides, or a person, who sees both values", ("tests/syncs/test_two_way.py::test_a_conflict_waits_until_somebody_says_who_is_right", "tests/syncs/test_both_ways.py::test_where_both_have_changed_a_field_its_owner_decides")),
    Row("F72", "Deleted at the source", "The record ends, its counterpart stays", (STEP + "test_a_client_destroyed_in_jobber_leaves_its_customer_alone", STEP + "test_a_client_destroyed_without_a_word_is_missed_by_the_daily_comparison")),
    Row("F73", "Deleted at the target", "Not made again unasked", (STEP + "test_a_customer_deleted_in_stripe_is_not_made_again_unasked",)),
    Row("F74", "Two clients are merged", "The one that is gone ends, its counterpart and money stay", (STEP + "test_a_client_destroyed_without_a_word_is_missed_by_the_daily_comparison",), missing="Jobber does not say which client has taken the other in, so nothing is moved over."),
    Row("F75", "Two clients with one email", "A record is known by its id; a person says who is who", ("tests/syncs/test_first_sync.py::test_two_clients_with_one_email_wait_for_a_person_and_never_share",)),
    Row("F76", "No email, emoji, 5,000 letters, odd letters", "Made fit or left out, and said so", ("tests/syncs/test_bad_input.py::test_a_name_is_only_a_name", "tests/syncs/test_bad_input.py::test_an_email_that_is_none_is_left_out_and_said_so")),
    Row("F77", "Rounding, GST within prices, amounts below zero", "Totals agree to the cent, or the record is held", ("tests/syncs/test_month.py::test_every_total_agrees_or_is_held_and_all_sums_are_alike", BILLS + "test_totals_that_differ_hold_the_draft_and_say_why")),
    Row("F78", "Paid in parts, too much, twice, given back, disputed", "Each counted once", (STEPS + "test_two_payments_of_different_amounts_both_count", "tests/syncs/test_payments.py::test_a_payment_becomes_one_note_that_follows_it")),
    Row("F79", "An invoice changes after it was sent", "Held until a person says what becomes of it", (BILLS + "test_a_change_after_it_was_opened_waits_for_a_person",)),
    Row("F80", "A payment was also typed in by hand", "Not counted twice", (STEPS + "test_a_card_payment_that_was_also_entered_in_jobber_is_not_counted_twice",)),
    Row("F81", "The mapping changes while work is under way", "Each plan names its version; what was planned with another is planned again", ("tests/syncs/test_ruled.py::test_a_rule_counts_once_it_is_published_and_until_it_is_taken_out",)),
    Row("F82", "A rule or a template without an end", "Stopped, and said so", ("tests/syncs/test_hostile_inputs.py::test_ten_thousand_hostile_inputs_do_no_harm", "tests/syncs/test_hostile_transforms.py::test_a_template_that_would_double_for_ever_is_stopped")),
    Row("F83", "What a record depends on is held", "It waits with it, names it, and wakes with it", (BILLS + "test_an_invoice_waits_for_its_client_and_fails_nothing",)),
)  # fmt: skip
_BUSINESSES = (
    Row("F84", "Another business's id in an address", "404", (OUTSIDER + "test_every_address_answers_everybody_as_the_table_says",)),
    Row("F85", "A task without its business", "It raises, and reads nothing", (OUTSIDER + "test_a_task_runs_in_the_scope_of_its_own_business_alone",)),
    Row("F86", "One business's context stays for the next", "Each request and task opens its own", (OUTSIDER + "test_a_task_runs_in_the_scope_of_its_own_business_alone",)),
    Row("F87", "Somebody else's first sync of thousands", "A live change is written about as soon as without it", ("tests/syncs/test_turns.py::test_a_first_sync_rests_while_something_happens_to_others_and_then_takes_few_at_once", "tests/bench/fairness.py")),
    Row("F88", "Somebody else's service is slow", "Only that business's work waits", ("tests/portal/test_worker.py::test_polls_of_one_business_fail_alone", "tests/bench/fairness.py")),
    Row("F89", "Many changes of one record at once", "Few looks, the last value", (STEP + "test_five_edits_within_a_second_leave_the_last_value_and_one_customer", "tests/bench/changes.py")),
    Row("F90", "A business is erased while it is worked for", "Its work stops, nothing comes back", (ENGINE + "test_a_business_that_is_deleted_while_it_is_worked_for_stays_deleted",)),
)  # fmt: skip
_XERO = (
    Row("Xero", "A lost answer to a renewal, a webhook switched off after a day, a day's allowance", "As Xero's own rules ask", missing="Xero is not connected yet; its rows come with it."),
    Row("ServiceM8", "180 requests a minute and 20,000 a day, webhooks that hold back 15 minutes", "As ServiceM8's own rules ask", missing="ServiceM8 is not connected yet; its rows come with it."),
)  # fmt: skip
PARTS = {
    "Calls to a service": _CALLS, "Webhooks": _WEBHOOKS, "Access": _ACCESS, "Processes, database, time": _MACHINES,
    "Records and money": _RECORDS, "Many businesses": _BUSINESSES, "Services to come": _XERO,
}  # fmt: skip
ROWS = [row for rows in PARTS.values() for row in rows]
