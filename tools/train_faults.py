"""The deliberate faults of tools/mutate_trains.py: the rules of flit trains, each broken once."""

from __future__ import annotations

from typing import NamedTuple


class Fault(NamedTuple):
    """A text of a file of csrc/hw/fabric, and what stands there instead."""

    what: str
    file: str
    text: str
    instead: str


FAULTS = [
    Fault(
        "own horizon one too far",
        "train_port.h",
        "port->n_own ? 0 : port->overhead_fs) - 1",
        "port->n_own ? 0 : port->overhead_fs)",
    ),
    Fault(
        "open messages forgotten",
        "train_port.h",
        "port->n_own ? 0 : port->overhead_fs",
        "port->overhead_fs",
    ),
    Fault(
        "a link's horizon one too far",
        "train_port.h",
        "port->travel_fs) - 1",
        "port->travel_fs)",
    ),
    Fault(
        "ties ignored", "train_port.h", "second->when_fs - after", "second->when_fs - (after && 0)"
    ),
    Fault(
        "ties by slot, not by id",
        "train_port.h",
        "count_of >> 32 << 32 | number",
        "(uint64_t)number << 32 | number",
    ),
    Fault(
        "slack one too many",
        "train_rounds.c",
        "slack / (period - plan->period_fs) + 1",
        "slack / (period - plan->period_fs) + 2",
    ),
    Fault(
        "a member's next piece ignored",
        "train_rounds.c",
        "if (stream->more == KB_NONE) return;",
        "return;",
    ),
    Fault(
        "an outsider ignored",
        "train_rounds.c",
        "limit = kb_min_i64(limit, kb_lineup_when(waiting, n) - 1);",
        "",
    ),
    Fault(
        "a held-up head takes part in rounds",
        "train_rounds.c",
        " || train->start_fs < each->head_fs)",
        ")",
    ),
    Fault(
        "rounds beyond the horizon",
        "train_rounds.c",
        "(limit - last_fs) / period + 1",
        "(limit - last_fs) / period + 2",
    ),
    Fault(
        "a round beyond what is known",
        "train_rounds.c",
        "kb_min_i64(lead->first.start_fs + period - 1, upto_fs)",
        "lead->first.start_fs + period - 1",
    ),
    Fault(
        "turns in spite of an outsider",
        "train_mix.c",
        "lanes[i].until_fs = kb_min_i64(lanes[i].until_fs, before_fs);",
        "",
    ),
    Fault(
        "turns beyond the horizon",
        "train_mix.c",
        "end_fs > upto_fs ? kb_min_i64(least_fs, upto_fs) : upto_fs;",
        "INT64_MAX;",
    ),
    Fault(
        "a held-up head takes turns",
        "train_mix.c",
        "if (stream->first.start_fs < stream->head_fs) break;",
        "",
    ),
    Fault(
        "a turn one flit too long",
        "train_mix.c",
        "room_fs / period + 1;",
        "room_fs / period + 2;",
    ),
    Fault(
        "who took turns stays in its place",
        "train_mix.c",
        "kb_lineup_put_back(&port->waiting, n);",
        "if (ends) kb_lineup_put_back(&port->waiting, n);",
    ),
    Fault(
        "turns in the order of numbers at ties",
        "train_mix.c",
        "return kb_waiting_ranks_before(a->item, b->item);",
        "return a < b;",
    ),
    Fault(
        "a backlog drains one flit late",
        "train_port.h",
        "(period - service) + 1",
        "(period - service) + 2",
    ),
    Fault(
        "the head holds nobody up",
        "train_leave.c",
        "kb_train_port_enlist(into, kb_max_i64(arrive_fs, ahead->head_fs),",
        "kb_train_port_enlist(into, arrive_fs,",
    ),
    Fault(
        "an input closed early",
        "train_leave.c",
        "if (n_left == 0 && !by_flit) kb_inputs_drop(&into",
        "if (n_left <= 1 && !by_flit) kb_inputs_drop(&into",
    ),
    Fault(
        "a train that waits is taken for served",
        "train_serve.c",
        "port->upto_fs = lead->when_fs - 1;",
        "port->upto_fs = lead->when_fs;",
    ),
    Fault(
        "a stream moves on without its overhead",
        "train_leave.h",
        "stream->head_fs = arrive_fs + kb_fabric_overhead_(fabric, stream->to);",
        "stream->head_fs = arrive_fs;",
    ),
    Fault(
        "served at its start before others that wait",
        "train_start.c",
        "if (port->open.count || port->waiting.count)",
        "if (port->open.count)",
    ),
    Fault(
        "served at its start in spite of open inputs",
        "train_start.c",
        "if (port->open.count || port->waiting.count)",
        "if (port->waiting.count)",
    ),
    Fault(
        "served at its start in spite of open messages",
        "train_start.c",
        "if (port->n_own == (port->backlog.first != KB_NONE)) {",
        "if (port->n_own < 100) {",
    ),
    Fault(
        "a port where a message begins is taken to know all there will be",
        "train_start.c",
        "port->upto_fs = key->when_fs - 1;",
        "port->upto_fs = KB_TIME_MAX - 1;",
    ),
    Fault(
        "what began here before counts twice",
        "train_start.c",
        "kb_max_i64(port->own_fs, key.when_fs)",
        "kb_max_i64(2 * port->own_fs, key.when_fs)",
    ),
    Fault(
        "rides past others that wait",
        "train_ride.c",
        "if (last_fs > kb_waiting_until(lead, second)) return false;",
        "",
    ),
    Fault(
        "rides past what may still come",
        "train_ride.c",
        "if (r->last_fs > known_fs) return false;",
        "",
    ),
    Fault(
        "others that wait are taken for served after a ride",
        "train_ride.c",
        "*known_fs = kb_min_i64(*known_fs, second->when_fs - 1);",
        "",
    ),
    Fault(
        "what comes behind a ride is forgotten",
        "train_ride.c",
        "kb_min_i64(least_fs, kb_train_port_silent_fs(r->left))",
        "least_fs",
    ),
    Fault(
        "time passes at a port beyond what waits there",
        "train_ride.c",
        "kb_min_i64(least_fs, kb_lineup_when(&port->waiting, 0) - 1)",
        "least_fs",
    ),
    Fault(
        "time passes at a port whatever may still come there",
        "train_ride.c",
        "    if (port->open.count)\n        least_fs =",
        "    if (false)\n        least_fs =",
    ),
    Fault(
        "a backlog stays when something else comes to its port",
        "train_backlog.h",
        "if (fabric->trains.ports[link].n_own) kb_backlog_note_(fabric, link);",
        "",
    ),
    Fault(
        "what is held comes after what begins later",
        "fabric_send.c",
        "if (!kb_backlog_release_all(fabric, (*path)->links[0]))",
        "if (false)",
    ),
    Fault(
        "a backlog is released when its turn is over",
        "train_backlog.c",
        "now + (port->own_fs - port->overhead_fs - now) / 2",
        "port->own_fs + port->travel_fs + port->overhead_fs",
    ),
    Fault(
        "a message is held where others may come",
        "train_backlog.h",
        "!port->n_own &&\n           !port->open.count &&",
        "!port->n_own &&",
    ),
    Fault(
        "a message is held where others wait",
        "train_backlog.h",
        "!port->waiting.count &&",
        "",
    ),
    Fault(
        "a backlog stays at a change of mode",
        "fabric_mode.c",
        "if (!kb_backlog_release_all(fabric, link)) return false;",
        ";",
    ),
    Fault(
        "a released message starts when it is released",
        "train_backlog.c",
        "path, start_fs, count, NULL",
        "path, kb_sim_now(fabric->sim), count, NULL",
    ),
    Fault(
        "those of a run have one number",
        "train_backlog.c",
        "    run->count++;\n",
        "",
    ),
    Fault(
        "rides without overhead",
        "train_ride.c",
        "r->start_fs + port->overhead_fs",
        "r->start_fs",
    ),
    Fault(
        "a rest that rides after its message does not wait there",
        "train_ride.c",
        "    if (!waits)\n        kb_train_port_enlist",
        "    if (false)\n        kb_train_port_enlist",
    ),
    Fault(
        "a rest rides past the next port with its message ahead",
        "train_ride.c",
        "if (parted) break;",
        "",
    ),
    Fault(
        "rides before all flits are there",
        "train_lone.c",
        "return n_known == stream->n_left;",
        "return true;",
    ),
    Fault(
        "the trains of a ride overlap by a service",
        "train_lone.c",
        "free_fs = *last_fs + port->service_fs;",
        "free_fs = *last_fs;",
    ),
    Fault(
        "the trains that a ride began with go along",
        "stream.h",
        "while (stream->more != KB_NONE) kb_stream_next_piece_(streams, stream);",
        "",
    ),
    Fault(
        "leaves as several trains before what comes in between",
        "train_serve.c",
        "kb_stream_last_eligible(&fabric->streams, stream) <= end_fs &&",
        "",
    ),
    Fault(
        "a train of its own pace is kept behind a backlog",
        "train_port.h",
        "if (begin_fs != train->start_fs) return false;",
        "",
    ),
    Fault(
        "ports are not up to date at a change of mode",
        "fabric_mode.c",
        "if (!pull_all(fabric, now - 1)) return false;",
        "(void)pull_all;",
    ),
    Fault(
        "a backlog is taken for known at a change of mode",
        "fabric_mode.c",
        "kb_min_i64(to->upto_fs, from->waiting.items[0].when_fs - 1)",
        "kb_max_i64(to->upto_fs, from->waiting.items[0].when_fs - 1)",
    ),
    Fault(
        "the wrong tail at a change of mode",
        "fabric_mode.c",
        "streams[flown->next].hop > streams[number].hop",
        "streams[flown->next].hop < streams[number].hop",
    ),
    Fault(
        "a sweep skips too far",
        "train_pull.c",
        "port->upto_fs = kb_max_i64(port->upto_fs, first_fs - 1)",
        "port->upto_fs = kb_max_i64(port->upto_fs, first_fs)",
    ),
    Fault(
        "a sweep skips past what was asked",
        "train_pull.c",
        "int64_t first_fs = upto_fs + 1;",
        "int64_t first_fs = kb_sim_now(fabric->sim) + 1000;",
    ),
    Fault(
        "woken one too late",
        "train_wake.c",
        "kb_max_i64(kb_train_bound_(fabric, flown), now + 1)",
        "kb_max_i64(kb_train_bound_(fabric, flown), now + 1) + 1",
    ),
    Fault(
        "woken far too late",
        "train_wake.c",
        "kb_max_i64(kb_train_bound_(fabric, flown), now + 1)",
        "kb_max_i64(kb_train_bound_(fabric, flown), now + 100000)",
    ),
    Fault(
        "landed flits out of order of links",
        "train_wake.c",
        "until_fs - (first.link > until_link)",
        "until_fs",
    ),
    Fault(
        "other links not pulled at a tail",
        "train_wake.c",
        "if (!kb_train_pull(fabric, input, until_fs - fabric->trains.ports[input].travel_fs))",
        "if (0)",
    ),
    Fault(
        "any two trains join",
        "stream.h",
        "if (end->count > 1 && gap != end->period_fs) return false;",
        "",
    ),
    Fault(
        "a server's feeder looked at too late",
        "train_wake.c",
        "kb_later_fs(kb_train_port_silent_fs(port), 1));",
        "kb_later_fs(kb_train_port_silent_fs(port), 2));",
    ),
    Fault(
        "a server's first flit expected too late",
        "train_start.c",
        "kb_train_push_wake_(fabric, flown->path[hop], number, at_fs);",
        "kb_train_push_wake_(fabric, flown->path[hop], number, at_fs + 3);",
    ),
    Fault(
        "flits of a server land too late",
        "fabric.c",
        "(kb_train){arrive_fs, 0, 1}))",
        "(kb_train){arrive_fs + 1, 0, 1}))",
    ),
    Fault(
        "who goes far behind others never goes last",
        "lineup.c",
        "n_before(items + 1, lineup->count - 1, &moved)",
        "n_before(items + 1, lineup->count - 2, &moved)",
    ),
    Fault(
        "who comes far before others comes too early",
        "lineup.c",
        "uint32_t place = n_before(items, lineup->count, key),",
        "uint32_t place = n_before(items, lineup->count, key) / 2,",
    ),
    Fault(
        "who comes after a crowd's first comes before it",
        "lineup.h",
        "if (!kb_lineup_is_crowded(lineup) || kb_waiting_before(key,",
        "if (1 || kb_waiting_before(key,",
    ),
    Fault(
        "rounds past those of a crowd",
        "lineup.h",
        "return kb_lineup_is_crowded(lineup) ? kb_crowd_first",
        "return 0 ? kb_crowd_first",
    ),
    Fault(
        "after a round nobody goes to the crowd",
        "lineup.c",
        "if (kb_lineup_puts_off(lineup, &moved)) continue;",
        "",
    ),
    Fault(
        "a block of a crowd is not sorted",
        "crowd.c",
        "sort(keys, first->count, own);",
        "",
    ),
    Fault(
        "a block of a crowd is cut unsorted",
        "crowd.c",
        "sort(keys, block->count, keys_of(crowd, upper));",
        "",
    ),
    Fault(
        "a key goes to the block after its own",
        "crowd.c",
        "uint32_t i = find(crowd, key);",
        "uint32_t i = find(crowd, key) / 2;",
    ),
    Fault(
        "a round is served twice where there is one",
        "train_rounds.c",
        "limit < last_fs ? 1 : kb_min",
        "limit < last_fs ? 2 : kb_min",
    ),
]
