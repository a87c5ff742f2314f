"""What must hold of every run: safety first (S: never), then liveness (L: at last), in the order of docs/reliability.md."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tests.chaos import liveness, safety, safety_of_nodes, safety_of_words
from tests.chaos.evidence import Evidence

INVARIANTS: tuple[Callable[[Evidence], Iterator[str]], ...] = (
    safety.acknowledged_is_kept,
    safety.one_deployment_for_a_key,
    safety.a_refusal_leaves_nothing,
    safety_of_nodes.fences_of_effects_rise,
    safety.turn_is_linearizable,
    safety.turns_follow_each_other,
    safety.transitions_are_legal,
    safety.one_execution_at_a_time,
    safety.approved_before_touched,
    safety_of_nodes.waves_are_judged_in_order,
    safety_of_nodes.fleet_is_uniform,
    safety_of_nodes.only_registered_bytes_run,
    safety_of_words.timeline_is_told,
    safety_of_words.audit_is_complete,
    safety.queue_is_first_come,
    safety.secrets_stay_secret,
    safety_of_nodes.no_node_flaps,
    safety_of_nodes.waves_keep_their_size,
    safety_of_nodes.nothing_is_promoted_blindly,
    safety_of_words.one_beginning_and_one_end,
    safety_of_words.a_hook_has_one_outcome,
    safety_of_words.receivers_hear_the_truth,
    safety.reads_never_go_back,
    safety_of_nodes.waves_bake_their_time,
    safety_of_nodes.orders_keep_to_the_plan,
    liveness.every_deployment_ends,
    liveness.outbox_is_empty,
    liveness.nothing_is_left_behind,
    liveness.second_pass_is_idle,
    liveness.ends_as_wished,
    liveness.nothing_unexpected_is_raised,
    liveness.it_is_well_again_in_time,
    liveness.receivers_hear_everything,
    liveness.poison_is_set_aside,
)
