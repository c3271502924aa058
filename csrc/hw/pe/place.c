#include "hw/pe/place.h"

const char *kb_at_text(kb_at what) {
    static const char *const names[KB_AT_COUNT] = {
#define X(name, text) text,
        KB_AT_LIST(X)
#undef X
    };
    return names[what];
}

/* The PE at (dx, dy) cubes from this one. */
static bool beside(const kb_system *system, const kb_node *at, int64_t dx, int64_t dy,
                   int64_t *number) {
    int64_t x = at->cube % system->cubes_x + dx, y = at->cube / system->cubes_x + dy;
    if (x < 0 || y < 0 || x >= system->cubes_x || y >= system->cubes_y) return false;
    int64_t cube = at->sip * system->cubes_x * system->cubes_y + y * system->cubes_x + x;
    *number = cube * system->n_pes + at->pe;
    return true;
}

bool kb_place_number(const kb_system *system, const kb_node *at, kb_at what, int64_t *number) {
    int64_t n_cubes = system->cubes_x * system->cubes_y, n_pes = system->n_pes;
    int64_t cube = at->sip * n_cubes + at->cube, next_pe = (at->pe + 1) % n_pes;
    int64_t previous_pe = (at->pe + n_pes - 1) % n_pes, n_sips = system->n_sips;
    int64_t in_sip = at->cube * n_pes + at->pe;
    switch (what) {
    case KB_AT_PE: *number = cube * n_pes + at->pe; return true;
    case KB_AT_PE_IN_SIP: *number = in_sip; return true;
    case KB_AT_PE_IN_CUBE: *number = at->pe; return true;
    case KB_AT_CUBE: *number = cube; return true;
    case KB_AT_CUBE_IN_SIP: *number = at->cube; return true;
    case KB_AT_SIP: *number = at->sip; return true;
    case KB_AT_PES: *number = n_sips * n_cubes * n_pes; return true;
    case KB_AT_PES_OF_SIP: *number = n_cubes * n_pes; return true;
    case KB_AT_PES_OF_CUBE: *number = n_pes; return true;
    case KB_AT_CUBES: *number = n_sips * n_cubes; return true;
    case KB_AT_CUBES_OF_SIP: *number = n_cubes; return true;
    case KB_AT_SIPS: *number = n_sips; return true;
    case KB_AT_EAST: return beside(system, at, 1, 0, number);
    case KB_AT_WEST: return beside(system, at, -1, 0, number);
    case KB_AT_NORTH: return beside(system, at, 0, -1, number);
    case KB_AT_SOUTH: return beside(system, at, 0, 1, number);
    case KB_AT_NEXT_PE: *number = cube * n_pes + next_pe; return true;
    case KB_AT_PREVIOUS_PE: *number = cube * n_pes + previous_pe; return true;
    case KB_AT_NEXT_SIP: *number = (at->sip + 1) % n_sips * n_cubes * n_pes + in_sip; return true;
    default: *number = (at->sip + n_sips - 1) % n_sips * n_cubes * n_pes + in_sip; return true;
    }
}
