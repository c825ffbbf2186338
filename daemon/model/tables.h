/* SPDX-License-Identifier: Apache-2.0 */
/* How the tables of objects are written; for the files in this folder. */
#ifndef SESAME_MODEL_TABLES_H
#define SESAME_MODEL_TABLES_H

#include "model/model.h"

/* one resource: number, name, operations, type, then what there is of the rest */
#define RES(i, n, o, t, ...) {.id = (i), .name = n, .ops = (o), .type = (t), __VA_ARGS__}
#define NONE 0U /* operations: only a bootstrap server may use it */
#define MANY .multiple = true
#define MUST .mandatory = true
#define SPAN(a, b) .min = (a), .max = (b), .range = #a "-" #b
#define BYTES(a, b) .min = (a), .max = (b), .range = #a "-" #b " bytes"
#define UNIT(u) .units = u
#define SAYS(d) .description = d

#define NR(a) (sizeof(a) / sizeof((a)[0]))

extern const struct model_object model_security, model_server, model_access, model_device,
	model_connectivity, model_firmware, model_location, model_statistics, model_software,
	model_component, model_portfolio, model_app_data, model_event_log, model_oscore,
	model_rsp, model_sim, model_esim, model_object_se, model_object_script,
	model_object_app;

#endif /* SESAME_MODEL_TABLES_H */
