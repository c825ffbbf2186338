// SPDX-License-Identifier: GPL-2.0-only
/* What the tests need of se.ko: part of it only where they are built. */
#include <linux/export.h>

#include "../se-edc.h"
#include "../se-t1-block.h"

EXPORT_SYMBOL_GPL(se_edc_crc);
EXPORT_SYMBOL_GPL(se_edc_lrc);
EXPORT_SYMBOL_GPL(se_edc_ok);
EXPORT_SYMBOL_GPL(se_edc_put);
EXPORT_SYMBOL_GPL(se_t1_abort);
EXPORT_SYMBOL_GPL(se_t1_atr_parse);
EXPORT_SYMBOL_GPL(se_t1_busy);
EXPORT_SYMBOL_GPL(se_t1_cip_parse);
EXPORT_SYMBOL_GPL(se_t1_classify);
EXPORT_SYMBOL_GPL(se_t1_dialect_by_id);
EXPORT_SYMBOL_GPL(se_t1_dialect_gp);
EXPORT_SYMBOL_GPL(se_t1_dialect_iso_crc);
EXPORT_SYMBOL_GPL(se_t1_dialect_iso_lrc);
EXPORT_SYMBOL_GPL(se_t1_dialect_nxp);
EXPORT_SYMBOL_GPL(se_t1_dialect_um11225);
EXPORT_SYMBOL_GPL(se_t1_init);
EXPORT_SYMBOL_GPL(se_t1_leave);
EXPORT_SYMBOL_GPL(se_t1_outcome);
EXPORT_SYMBOL_GPL(se_t1_reset);
EXPORT_SYMBOL_GPL(se_t1_rx);
EXPORT_SYMBOL_GPL(se_t1_s_atr_parse);
EXPORT_SYMBOL_GPL(se_t1_set_params);
EXPORT_SYMBOL_GPL(se_t1_start_apdu);
EXPORT_SYMBOL_GPL(se_t1_start_atr);
EXPORT_SYMBOL_GPL(se_t1_start_cip);
EXPORT_SYMBOL_GPL(se_t1_start_ifs);
EXPORT_SYMBOL_GPL(se_t1_start_release);
EXPORT_SYMBOL_GPL(se_t1_start_resynch);
EXPORT_SYMBOL_GPL(se_t1_start_swr);
EXPORT_SYMBOL_GPL(se_t1_timeout);
