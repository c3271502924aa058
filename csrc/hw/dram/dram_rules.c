#include "hw/dram/dram_rules.h"

#include "base/checked.h"

kb_dram_rules kb_dram_rules_of(const kb_dram *dram, const kb_params_hbm *params) {
    const kb_dram_timing *t = &dram->timing;
    const kb_dram_geometry *g = &dram->standard->geometry;
    int64_t ck = t->ck_fs, n_groups = g->sids * g->bank_groups;
    bool refreshes = params->refresh != KB_REFRESH_NONE;
    bool per_bank = params->refresh == KB_REFRESH_PER_BANK;
    kb_dram_rules rules = {
        .rcd = {t->rcd_rd * ck, t->rcd_wr * ck},
        .cas_burst = {(t->cl + t->bl) * ck, (t->cwl + t->bl) * ck},
        .cas_pre = {t->rtp * ck, (t->cwl + t->bl + t->wr) * ck},
        .rp = t->rp * ck,
        .ras = t->ras * ck,
        .rc = t->rc * ck,
        .ccd_s = t->ccd_s * ck,
        .ccd_l = t->ccd_l * ck,
        .ccd_r = t->ccd_r * ck,
        .rrd_s = t->rrd_s * ck,
        .rrd_l = t->rrd_l * ck,
        .faw = t->faw * ck,
        .bl = t->bl * ck,
        .turn = {(t->cwl + t->bl + t->wtr_s) * ck, t->rtw * ck},
        .group_gap = {{t->ccd_l * ck, t->ccd_l * ck},
                      {kb_max_i64(t->cwl + t->bl + t->wtr_l, t->ccd_l) * ck, t->ccd_l * ck}},
        .rfc = (per_bank ? t->rfc_pb : t->rfc) * ck,
        .act_bus = g->act_half_cks * ck / 2,
        .pre_bus = g->pre_half_cks * ck / 2,
        .per_bank = per_bank,
        .n_banks = (uint32_t)(n_groups * g->banks),
        .n_groups = (uint32_t)n_groups,
        .queue = (uint32_t)params->queue,
        .high = (uint32_t)kb_ceil_div(params->queue * params->write_high, 100),
        .low = (uint32_t)(params->queue * params->write_low / 100),
        .write_wait = (uint32_t)params->write_wait};
    if (refreshes) rules.refi = per_bank ? t->refi * ck / rules.n_banks : t->refi * ck;
    rules.alternates = t->ccd_s < t->ccd_l && t->ccd_l <= 2 * t->ccd_s && t->ccd_s <= t->ccd_r &&
                       t->ccd_r <= t->ccd_l && rules.cas_pre[0] >= rules.ccd_r &&
                       rules.cas_pre[1] >= rules.ccd_r;
    for (uint32_t b = 0; b < rules.n_banks; b++) {
        rules.group[b] = (uint8_t)(b / (uint32_t)g->banks);
        rules.sid[b] = (uint8_t)(b / (uint32_t)(g->banks * g->bank_groups));
    }
    return rules;
}
