#include "hw/dram/dram_tell.h"

#include "hw/dram/dram_hold.h"

void kb_dram_broken_(const kb_dram_pc *pc, const kb_dram_core *core, uint32_t bank, int64_t at_fs,
                     int64_t free_fs) {
    if (core->fault) core->fault(core->self, pc, bank, at_fs, free_fs);
}

/* A row is opened for a flit: its other bursts, and all of those that come then, hit it. */
static inline void count_miss(kb_dram_statistics *s, kb_dram_run *run, uint32_t first) {
    if (run->opened && first % run->flit == 0) *(run->closed ? &s->conflicts : &s->misses) += 1;
    run->opened = run->closed = false;
}

/* What flits after the first add to the sum of when each of `count` bursts came. */
static inline int64_t later_fs(const kb_dram_run *run, uint32_t first, int64_t count) {
    int64_t sum_fs = 0, flit = first / run->flit, left = (flit + 1) * run->flit - first;
    for (; count > 0; count -= left, left = run->flit, flit++)
        sum_fs += kb_min_i64(left, count) * flit * run->period_fs;
    return sum_fs;
}

void kb_dram_tell_(kb_dram_pc *pc, kb_dram_core *core, kb_dram_hit *hit) {
    const kb_dram_rules *rules = &core->rules;
    kb_dram_run *run = &core->runs.items[hit->run];
    kb_dram_bank *bank = &pc->banks[run->bank];
    kb_dram_statistics *s = &pc->statistics;
    bool write = run->write;
    int64_t count = hit->n_untold, period_fs = count > 1 ? hit->period_fs : 0;
    int64_t first_fs = hit->last_fs - (count - 1) * period_fs;
    uint32_t first = (uint32_t)(run->n_served - count);
    kb_dram_hold_cas_(pc, core, run->bank, write, first_fs);
    bank->pre_fs = kb_max_i64(bank->pre_fs, hit->last_fs + rules->cas_pre[write]);
    *(write ? &s->writes : &s->reads) += count;
    s->wait_fs += count * (first_fs - run->when_fs + hit->last_fs - run->when_fs) >> 1;
    if (run->flit != run->count) s->wait_fs -= later_fs(run, first, count);
    if (run->opened || run->closed) count_miss(s, run, first);
    hit->n_untold = 0;
    core->served(core->self, run, first, (uint32_t)count, first_fs + rules->cas_burst[write],
                 period_fs);
}
