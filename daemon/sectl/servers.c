// SPDX-License-Identifier: Apache-2.0
/* semd and its management servers: what it says of them and tells them. */
#include <string.h>

#include "sectl/sectl.h"
#include "sectl/semd.h"

void print_servers(sd_json_variant *servers)
{
	struct table *t = table_new("SERVER|STATE|LWM2M|ADDRESS|LOCATION|=LAST ERROR");

	for (size_t i = 0; servers && i < sd_json_variant_elements(servers); i++) {
		sd_json_variant *s = sd_json_variant_by_index(servers, i);

		table_cell(t, "%s", json_text(s, "name"));
		table_cell(t, "%s", json_text(s, "state"));
		table_cell(t, "%s", json_text(s, "version"));
		table_cell(t, "%s", json_text(s, "uri"));
		table_cell(t, "%s", json_text(s, "location"));
		table_cell(t, "%s", json_text(s, "error"));
	}
	table_print(t);
}

int verb_server_list(int argc, char **argv)
{
	sd_json_variant *reply = NULL, *servers;
	sd_varlink *link = NULL;
	int r;

	(void)argc;
	(void)argv;
	r = semd_connect(&link);
	if (!r)
		r = semd_call(link, "GetStatus", NULL, &reply);
	if (!r) {
		servers = sd_json_variant_by_key(reply, "servers");
		if (opt.json)
			r = put_json(sd_json_variant_ref(servers), 0);
		else
			print_servers(servers);
	}
	sd_varlink_unref(link);
	return r;
}

int verb_server_update(int argc, char **argv)
{
	sd_json_variant *p = NULL, *reply = NULL;
	sd_varlink *link = NULL;
	int r;

	(void)argc;
	r = sd_json_buildo(&p,
			   SD_JSON_BUILD_PAIR_CONDITION(strcmp(argv[0], "all") != 0, "server",
							SD_JSON_BUILD_STRING(argv[0])));
	r = r < 0 ? fail(EXIT_FAILED, "failed", NULL, "%s", strerror(-r)) : semd_connect(&link);
	if (!r)
		r = semd_call(link, "UpdateServer", p, &reply);
	if (!r && opt.json)
		r = put_json(sd_json_variant_ref(reply), 0);
	sd_json_variant_unref(p);
	sd_varlink_unref(link);
	return r;
}

int verb_server_send(int argc, char **argv)
{
	sd_json_variant *p = NULL, *paths = NULL, *reply = NULL;
	sd_varlink *link = NULL;
	int r;

	(void)argc;
	r = sd_json_variant_new_array_strv(&paths, argv + 1);
	if (r >= 0)
		r = sd_json_buildo(&p,
				   SD_JSON_BUILD_PAIR_CONDITION(strcmp(argv[0], "all") != 0,
								"server",
								SD_JSON_BUILD_STRING(argv[0])),
				   SD_JSON_BUILD_PAIR_VARIANT("paths", paths),
				   SD_JSON_BUILD_PAIR_BOOLEAN("keep", true));
	r = r < 0 ? fail(EXIT_FAILED, "failed", NULL, "%s", strerror(-r)) : semd_connect(&link);
	if (!r)
		r = semd_call(link, "Send", p, &reply);
	if (!r && opt.json)
		r = put_json(sd_json_variant_ref(reply), 0);
	sd_json_variant_unref(p);
	sd_json_variant_unref(paths);
	sd_varlink_unref(link);
	return r;
}
