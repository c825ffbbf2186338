// SPDX-License-Identifier: Apache-2.0
/* Addresses of servers: what is one, and which two are of one server. */
#include <string.h>
#include <strings.h>

#include <curl/curl.h>

#include "dm/http.h"

static CURLU *parse(const char *uri)
{
	CURLU *u = curl_url();

	if (u && curl_url_set(u, CURLUPART_URL, uri, CURLU_NON_SUPPORT_SCHEME)) {
		curl_url_cleanup(u);
		return NULL;
	}
	return u;
}

static bool has(CURLU *u, CURLUPart part)
{
	char *text = NULL;
	bool is = !curl_url_get(u, part, &text, 0);

	curl_free(text);
	return is;
}

const char *dm_http_uri_check(const char *uri, bool allow_http)
{
	const char *why = NULL;
	char *scheme = NULL;
	CURLU *u;

	for (const char *p = uri; *p; p++)
		if (*p <= ' ' || *p == 0x7f || (unsigned char)*p >= 0x80)
			return "has characters that no address has";
	/* libcurl takes any number of slashes, and then a path for a host */
	why = strstr(uri, "://");
	if (!why || !why[3] || why[3] == '/')
		return "is no address: https://HOST[:PORT]/PATH";
	why = NULL;
	u = parse(uri);
	if (!u)
		return "is no address: https://HOST[:PORT]/PATH";
	if (curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) || !has(u, CURLUPART_HOST))
		why = "is no address with a scheme and a host";
	else if (!strcmp(scheme, "http") && !allow_http)
		why = "is http, which anybody can read and change: allow_http=yes is not set";
	else if (strcmp(scheme, "https") != 0 && strcmp(scheme, "http") != 0)
		why = "is neither https nor http";
	else if (has(u, CURLUPART_USER) || has(u, CURLUPART_PASSWORD))
		why = "has a user name in it";
	else if (has(u, CURLUPART_FRAGMENT))
		why = "has a fragment (#)";
	curl_free(scheme);
	curl_url_cleanup(u);
	return why;
}

bool dm_http_same_host(const char *a, const char *b)
{
	static const CURLUPart parts[] = {CURLUPART_SCHEME, CURLUPART_HOST, CURLUPART_PORT};
	CURLU *ua = parse(a), *ub = parse(b);
	bool same = ua && ub;

	for (unsigned int i = 0; same && i < sizeof(parts) / sizeof(parts[0]); i++) {
		char *ta = NULL, *tb = NULL;

		same = !curl_url_get(ua, parts[i], &ta, CURLU_DEFAULT_PORT) &&
		       !curl_url_get(ub, parts[i], &tb, CURLU_DEFAULT_PORT) &&
		       !strcasecmp(ta, tb);
		curl_free(ta);
		curl_free(tb);
	}
	curl_url_cleanup(ua);
	curl_url_cleanup(ub);
	return same;
}
