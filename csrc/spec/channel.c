#include "spec/channel.h"

#include "spec/graph.h"
#include "spec/layout.h"

/* Links between two routers of one mesh. */
static void assign_meshes(kb_topology *topology) {
    const kb_node *nodes = topology->nodes.items;
    kb_channels *channels = &topology->channels;
    for (size_t i = 0; i < topology->links.count; i++) {
        const kb_node *src = &nodes[topology->links.items[i].src];
        const kb_node *dst = &nodes[topology->links.items[i].dst];
        channels->lines[i] = -1;
        if (src->mesh < 0 || src->mesh != dst->mesh) continue;
        int32_t dx = dst->x - src->x, dy = dst->y - src->y;
        if (dx && dy) continue;
        channels->lines[i] = 2 * src->mesh + (dy != 0);
        channels->datelines[i] =
            topology->meshes.items[src->mesh].wrap && (dx > 1 || dx < -1 || dy > 1 || dy < -1);
    }
}

/* Links between SIPs, and those that join their ends to the crossbars: a message that turns from x to y
 * leaves the one line with the crossbar and enters the other. */
static void assign_fabric(kb_topology *topology) {
    const kb_system *system = &topology->system;
    kb_channels *channels = &topology->channels;
    int32_t first = 2 * (int32_t)topology->meshes.count;
    if (system->n_sips < 2 || system->params.fabric.kind == KB_FABRIC_SWITCH) return;
    for (int64_t sip = 0; sip < system->n_sips; sip++) {
        for (int direction = 0; direction < KB_N_DIRECTIONS; direction++) {
            int64_t next = kb_layout_neighbour(system, sip, direction);
            if (next < 0) continue;
            uint32_t end = kb_layout_c2c(topology, sip, direction);
            uint32_t xbar = kb_layout_io(topology, sip, KB_IO_XBAR);
            uint32_t far = kb_layout_c2c(topology, next, direction ^ 1);
            uint32_t link = kb_graph_link(topology, end, far);
            int32_t line = first + (direction >= KB_PLUS_Y);
            bool ahead = direction == KB_PLUS_X || direction == KB_PLUS_Y;
            channels->lines[link] = line;
            channels->lines[kb_graph_link(topology, xbar, end)] = line;
            channels->lines[kb_graph_link(topology, end, xbar)] = line;
            channels->datelines[link] = ahead ? next < sip : next > sip;
        }
    }
}

/* Links between the ports of cubes above each other. */
static void assign_cubes(kb_topology *topology) {
    const kb_system *system = &topology->system;
    for (int64_t sip = 0; sip < system->n_sips; sip++) {
        for (int64_t cube = system->cubes_x; cube < topology->machine.n_cubes; cube++) {
            uint32_t north = kb_layout_side(topology, sip, cube - system->cubes_x, KB_SOUTH);
            uint32_t south = kb_layout_side(topology, sip, cube, KB_NORTH);
            topology->channels.turns[kb_graph_link(topology, north, south)] = true;
            topology->channels.turns[kb_graph_link(topology, south, north)] = true;
        }
    }
}

kb_status kb_channels_assign(kb_topology *topology, kb_error *err) {
    kb_channels *channels = &topology->channels;
    size_t n_links = topology->links.count;
    channels->lines = kb_arena_take(&topology->arena, n_links, sizeof *channels->lines);
    channels->datelines = kb_arena_take(&topology->arena, n_links, sizeof *channels->datelines);
    channels->turns = kb_arena_take(&topology->arena, n_links, sizeof *channels->turns);
    if (!channels->lines || !channels->datelines || !channels->turns)
        return kb_error_nomem(err, "the topology's virtual channels");
    assign_meshes(topology);
    assign_fabric(topology);
    assign_cubes(topology);
    for (size_t i = 0; i < topology->link_texts.count; i++)
        if (topology->link_texts.items[i].dateline)
            channels->datelines[topology->first_link + i] = true;
    for (size_t i = 0; i < topology->nodes.count; i++) {
        const kb_transit *transit = &topology->nodes.items[i].transit;
        channels->many = channels->many || (transit->buffer_flits && transit->channels > 1);
    }
    return KB_OK;
}

void kb_channels_follow(const kb_topology *topology, const uint32_t *links, size_t n_links,
                        uint8_t *channels) {
    const kb_channels *all = &topology->channels;
    int32_t line = -1;
    bool past_dateline = false, turned = false;
    for (size_t i = 0; i < n_links; i++) {
        int32_t here = all->lines[links[i]];
        if (here >= 0 && here != line) {
            line = here;
            past_dateline = false;
        }
        past_dateline = past_dateline || all->datelines[links[i]];
        turned = turned || all->turns[links[i]];
        const kb_transit *at = &topology->nodes.items[topology->links.items[links[i]].dst].transit;
        channels[i] = at->buffer_flits && at->channels > 1 && (turned || past_dateline);
    }
}
