"""Every repair, in the order in which they stand one before the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any, Final

from infra.local.deliveries import Deliveries
from infra.local.measured_calls import MeasuredCalls
from infra.local.repairs import (
    calls,
    cloudwatch,
    dynamodb_indexes,
    dynamodb_items,
    dynamodb_reads,
    dynamodb_speed,
    dynamodb_transactions,
    events,
    execution_time,
    executions,
    folded_items,
    instances,
    interpreter_speed,
    lambda_aliases,
    lambda_functions,
    short_ways,
    task_tokens,
)
from infra.local.timers import Timers
from infra.local.user_functions import UserFunctions

AT_ONCE: Final[Mapping[str, int]] = {"steps": 8}
"""Each invocation is a thread, and all share one interpreter. With two hundred deployments at once the few that take nodes'
reports got a two-hundredth of it each, and nodes were taken for silent."""


def in_order(
    *,
    hook: calls.CallHook,
    after_writes: calls.AfterWrites | None,
    handlers: Mapping[str, lambda_functions.Handler],
    user_functions: UserFunctions,
    measured: MeasuredCalls,
    deliveries: Deliveries,
    running: executions.RunningExecutions,
    timers: Timers,
) -> tuple[Callable[[], AbstractContextManager[Any]], ...]:
    """What makes each of them, the first to be entered first."""
    return (
        instances.models_are_let_go,
        folded_items.items_out_of_use_are_folded,
        # Entered before the hook, so that the hook stands before it.
        short_ways.calls_of_the_state_machine_take_the_short_way,
        short_ways.answers_are_numbered_at_once,
        dynamodb_speed.table_calls_take_the_short_way,
        lambda: calls.every_call_passes_the_hook(hook),
        # Within the lock.
        dynamodb_reads.plain_reads_are_answered_at_once,
        lambda: calls.calls_are_atomic(after_writes),
        dynamodb_items.changes_are_journaled,
        calls.table_calls_are_not_signed,
        dynamodb_speed.requests_are_read_as_they_are,
        dynamodb_speed.answers_are_written_as_they_are,
        dynamodb_speed.actions_are_looked_up_once,
        dynamodb_speed.items_become_json_at_once,
        dynamodb_speed.new_items_are_measured_once,
        dynamodb_speed.conditions_are_parsed_once,
        dynamodb_indexes.queries_look_at_one_partition,
        dynamodb_transactions.transactions_undo_item_by_item,
        dynamodb_transactions.transaction_tokens_are_heeded,
        lambda: lambda_functions.functions_run_registered_handlers(handlers, user_functions.invoke, at_once=AT_ONCE),
        lambda_aliases.alias_revisions_are_heeded,
        lambda_aliases.function_revisions_are_heeded,
        lambda: lambda_aliases.alias_weights_are_heeded(measured.record, user_functions.took_ms),
        lambda: cloudwatch.metric_queries_are_answered(measured.measurements),
        cloudwatch.alarms_are_told_to_the_bus,
        lambda: lambda_functions.invocation_types_are_heeded(deliveries),
        lambda_functions.qualifier_is_heeded,
        lambda: events.events_reach_their_targets(deliveries),
        lambda: executions.executions_are_counted_and_can_be_stopped(timers, running),
        executions.stopping_ends_every_wait,
        executions.executions_always_have_a_name,
        executions.start_time_is_text,
        executions.ended_executions_keep_only_their_history,
        lambda: task_tokens.tokens_are_good_for_one_answer(task_tokens.TaskTokens(), timers),
        lambda: execution_time.waiting_goes_through_timers(timers),
        interpreter_speed.tasks_share_one_client_per_service,
        interpreter_speed.parsed_definitions_and_paths_are_kept,
        interpreter_speed.ended_threads_are_not_kept,
        interpreter_speed.handled_failures_are_not_printed,
    )
