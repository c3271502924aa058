#include "hw/fabric/train_pull.h"

#include "hw/fabric/train_serve.h"

/* After so many steps back in one pull, for each link of the fabric, the rest goes forwards. */
enum { STEPS_BACK = 4 };

/* --- forwards ------------------------------------------------------------------------------------- */

/* The port, and all behind it that are short of upto_fs. */
static uint32_t gather(kb_fabric *fabric, uint32_t link, int64_t upto_fs) {
    kb_trains *trains = &fabric->trains;
    uint32_t n = 0;
    if (++trains->n_sweeps == 0) trains->n_sweeps = 1;
    trains->ports[link].swept = trains->n_sweeps;
    trains->swept[n++] = link;
    for (uint32_t i = 0; i < n; i++) {
        const kb_inputs *open = &trains->ports[trains->swept[i]].open;
        for (uint32_t k = 0; k < open->count; k++) {
            kb_train_port *input = &trains->ports[open->items[k].link];
            if (input->swept == trains->n_sweeps || input->upto_fs >= upto_fs) continue;
            input->swept = trains->n_sweeps;
            trains->swept[n++] = open->items[k].link;
        }
    }
    return n;
}

/* Nothing happens at any of them before the first flit that is not served, or that may still begin. */
static void skip_idle(kb_fabric *fabric, uint32_t n, int64_t upto_fs) {
    kb_trains *trains = &fabric->trains;
    int64_t first_fs = upto_fs + 1;
    for (uint32_t i = 0; i < n; i++) {
        const kb_train_port *port = &trains->ports[trains->swept[i]];
        first_fs = kb_min_i64(first_fs, kb_lineup_when(&port->waiting, 0));
        first_fs = kb_min_i64(first_fs, kb_train_port_limit(trains, port) + 1);
    }
    for (uint32_t i = 0; i < n; i++) {
        kb_train_port *port = &trains->ports[trains->swept[i]];
        port->upto_fs = kb_max_i64(port->upto_fs, first_fs - 1);
    }
}

static bool sweep(kb_fabric *fabric, uint32_t link, int64_t upto_fs) {
    kb_trains *trains = &fabric->trains;
    uint32_t n = gather(fabric, link, upto_fs);
    while (trains->ports[link].upto_fs < upto_fs) {
        skip_idle(fabric, n, upto_fs);
        for (uint32_t i = n; i-- > 0;) {
            const kb_train_port *port = &trains->ports[trains->swept[i]];
            int64_t known_fs = kb_train_port_horizon(trains, port);
            if (known_fs > port->upto_fs &&
                !kb_train_serve(fabric, trains->swept[i], known_fs, known_fs))
                return false;
        }
    }
    return true;
}

/* --- backwards ------------------------------------------------------------------------------------ */

static inline void enter(kb_trains *trains, uint32_t *depth, uint32_t link, int64_t upto_fs) {
    kb_train_port *port = &trains->ports[link];
    kb_train_frame *frame = &trains->stack[(*depth)++];
    frame->upto_fs = upto_fs;
    frame->least_fs = kb_train_port_limit(trains, port);
    frame->link = link;
    frame->n_open = port->open.count;
    frame->n_seen = 0;
    port->depth = *depth;
}

/* Takes the frames from `depth` on off the stack. */
static inline void leave(kb_trains *trains, uint32_t *depth, uint32_t to) {
    while (*depth > to) trains->ports[trains->stack[--*depth].link].depth = 0;
}

/* The next open input that is short of what the frame asks for; KB_NONE: there is none, and least_fs
 * is the port's horizon.  Inputs that are closed meanwhile may be looked at too: kb_inputs_drop fills the
 * gap with the last and leaves that where it was, so none of the n_open is missed. */
static inline uint32_t next_short(const kb_trains *trains, kb_train_frame *frame) {
    const kb_train_port *ports = trains->ports, *port = &ports[frame->link];
    for (; frame->n_seen < frame->n_open; frame->n_seen++) {
        uint32_t link = port->open.items[frame->n_seen].link;
        int64_t silent_fs = kb_train_port_comes_fs(port, kb_train_port_silent_fs(&ports[link]));
        if (silent_fs < frame->upto_fs) return link;
        frame->least_fs = kb_min_i64(frame->least_fs, silent_fs);
    }
    return KB_NONE;
}

bool kb_train_pull_(kb_fabric *fabric, uint32_t link, int64_t upto_fs) {
    kb_trains *trains = &fabric->trains;
    uint32_t depth = 0;
    uint64_t n_left = (uint64_t)fabric->n_links * STEPS_BACK;
    bool good = true;
    kb_train_look_(fabric);
    int64_t known_fs = kb_train_port_horizon(trains, &trains->ports[link]);
    if (known_fs >= upto_fs) return kb_train_serve(fabric, link, upto_fs, known_fs);
    enter(trains, &depth, link, upto_fs);
    while (depth && good) {
        kb_train_frame *frame = &trains->stack[depth - 1];
        kb_train_port *port = &trains->ports[frame->link];
        uint32_t input = port->upto_fs < frame->upto_fs ? next_short(trains, frame) : KB_NONE;
        if (input == KB_NONE) {
            if (port->upto_fs < frame->upto_fs)
                good = kb_train_serve(fabric, frame->link, frame->upto_fs, frame->least_fs);
            leave(trains, &depth, depth - 1);
        } else if (trains->ports[input].depth || n_left-- == 0) {
            uint32_t from = trains->ports[input].depth ? trains->ports[input].depth : 1;
            kb_train_frame first = trains->stack[from - 1];
            leave(trains, &depth, from - 1);
            good = sweep(fabric, first.link, first.upto_fs);
            n_left = (uint64_t)fabric->n_links * STEPS_BACK;
        } else {
            enter(trains, &depth, input,
                  frame->upto_fs - kb_train_port_delay(port) - trains->ports[input].travel_fs);
        }
    }
    leave(trains, &depth, 0);
    return good;
}
