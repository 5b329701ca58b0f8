"""Every fault of docs/design/guarantees.md that one machine can play, each with its test.

`make test` runs a short selection, `make test-faults` all of them, `make soak MINUTES=n` random ones under
load. The site is real: web by `curfew serve`, workers by `curfew worker`, the broker from a wheel,
PostgreSQL from a wheel or SQLite, relying parties as HTTP servers. Hours are compressed to seconds by
settings alone (site.py); the product has no switch for tests. checker.py judges every run.

FLT-01        test_web_killed: killed_between_the_commit_and_the_wake_up
FLT-02        test_web_killed: killed_after_the_commit_before_the_response
FLT-03        test_web_killed: the_database_is_lost_at_every_statement, killed_at_every_statement,
              killed_at_any_moment; test_databases_away: backends_are_killed_in_the_middle
FLT-04        test_web_killed: a_broker_that_is_away_costs_no_response; test_broker
FLT-05 to 07  test_worker_killed; test_workers: killed_with_many_in_flight
FLT-08        test_workers: a_worker_dies_and_another_carries_on. There is no pool child: attempts are
              threads, and the process dies as one
FLT-09        test_workers: killed_with_many_in_flight. SIGKILL is what the kernel sends; a cgroup of our
              own cannot be made in a container without privileges
FLT-10        test_workers: rolling_restarts_under_load; test_worker_killed
FLT-11        test_workers: a_frozen_worker_wakes_up, a_worker_that_freezes_in_a_transaction_keeps_no_locks;
              test_worker_killed
FLT-12        test_workers: a_poison_delivery_dies_alone
FLT-13        test_workers: no_worker_for_a_while, for seconds; the alarm is a rule in docs
FLT-14        test_workers: no_worker_sweeps
FLT-15, 16    test_workers: five_sweepers. There is no beat: each duty is a leased row
FLT-20 to 23  test_receivers: a_bad_receiver_is_bounded, no_app_waits_for_the_slow_ones
FLT-24, 49    test_wires: tls_that_fails_and_is_fixed. A bundle that is missing is refused at the start
FLT-25        test_receivers: a_bad_receiver_is_bounded
FLT-26        test_receivers: a_storm_of_errors_and_a_flapping_one
FLT-27        test_receivers: retry_after_makes_nothing_sooner, retry_after_is_obeyed_up_to_an_hour
FLT-28        test_receivers: no_redirect_is_followed
FLT-29        test_receivers: a_liar_is_believed_and_nothing_more_is_said
FLT-30        test_databases_away: killed_and_started_again_under_load. A power cut of the machine, which
              would try the disk as well, cannot be played
FLT-31        test_databases_away: fail_over_to_a_synchronous_replica. Only that is promised: of an
              asynchronous one the last logouts may be missing, which tests/hosts/test_failover plays
FLT-32        test_databases_away: slow_silent_or_unreachable
FLT-33        test_databases_away: the_disk_is_full, by a limit on the size of files
FLT-34        test_databases_away: read_only
FLT-35        test_databases_away: deadlocks; tests/races
FLT-36        test_broker; flushed, killed and silent in the soak. Memory full and fail-over of the broker
              look the same to us as a broker that refuses
FLT-37        test_changes: the_signer_is_away. Keys lie in the database; there is no KMS that could be
              away
FLT-38        test_wires: a_name_that_does_not_resolve, an_address_that_is_not_allowed; rebinding in
              tests/infrastructure/test_outbound_client
FLT-39        test_receivers: a_herd_comes_back, after seconds instead of an hour
FLT-40        test_changes: the_clock_of_one_worker_jumps, by the provider's own clock: the machine's
              cannot be set
FLT-41        test_changes: the_keys_are_rotated_between_two_tries; the soak under load
FLT-42        test_changes: a_client_changes_between_two_tries
FLT-43        test_changes: the_person_comes_back_between_two_tries
FLT-44        test_scarcity: an_administrator_ends_everything, a hundredth of it; throughput in
              benchmarks/delivery.py
FLT-45        test_databases_away: a_backup_is_restored; tests/hosts/test_restored_backup on PostgreSQL
FLT-46, 47    test_wires: every_toxic_on_a_link, the_provider_and_its_workers_are_parted; seconds, not
              minutes
FLT-48        Not played: there is no earlier release whose code could run beside this one. That the
              schema only grows is held by tests/migrations
FLT-50        test_scarcity: no_file_descriptors, the_log_cannot_be_written. Threads cannot be limited for
              root, and no temporary files are used
"""
